// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <tarn/detail/extents/returned_extents.hpp>
#include <tarn/detail/pool/any_core.hpp>
#include <tarn/detail/upkeep/age_large.hpp>
#include <tarn/value/basic/zeroing.hpp>

namespace tarn::detail {

template <class Config>
using holder_counts = std::conditional_t<
    Config::counts,
    std::conditional_t<Config::is_concurrent, striped_counts<typename Config::env>, owned_counts>,
    no_counts>;

/// The core of a byte pool: finds the tier of a size, and serves sizes above the last tier.
///
/// `Config` adds to that of `core`, its `mechanism`: `tiers` (a table), `misused(report...)`.
template <class Config>
class byte_core final : public core<typename Config::mechanism> {
 public:
  [[nodiscard]] static void* operator new(std::size_t bytes) {
    return base::template place_for<byte_core>(bytes);
  }
  static void operator delete(void* p, std::size_t bytes) noexcept {
    base::template give_place<byte_core>(p, bytes);
  }

  using product_config = Config;
  using base = core<typename Config::mechanism>;
  using tiers_type = typename Config::tiers;
  using lock_type = typename Config::lock;
  using sized_block = typename large_blocks<lock_type>::sized_block;
  using held_block = typename large_blocks<lock_type>::held_block;
  using where_type = typename base::where_type;
  using typename base::checks_type;
  using typename base::place_word;
  using bounds_type = bounds<typename Config::mechanism>;

  /// Whether sizes are compared with a constant. Then the front end keeps requests off the hit
  /// path, instead of an end of 0.
  static constexpr bool has_fixed_end = base::front::closes_itself && tiers_type::is_static;

  byte_core(const core_settings& settings, tiers_type tiers, typename Config::source source,
            std::string name, tarn::zeroing zeroing, std::size_t large_cache_bytes)
      : base(
            with(settings, zeroing), static_cast<std::uint32_t>(tiers.count()),
            [&](std::uint32_t i) { return tiers.size_of(i); }, std::move(source)),
        tiers_(std::move(tiers)),
        large_(large_cache_bytes, !checks_type::trusts, this->own()),
        name_(std::move(name)),
        zeroing_(zeroing) {
    refresh_fast_path();
  }

  /// Returns: a null block if the core is closed or out of memory. `place`: `hot_place()`, or the
  /// pool object's copy.
  [[nodiscard]] TARN_FORCE_INLINE sized_block take_bytes(std::size_t size, where_type where,
                                                         const place_word& place) {
    const auto got = take_hit_bytes(size, place);
    if (got.block != nullptr) [[likely]]
      return got;
    return take_cold(size, small_alignment, where);
  }
  /// As `take_bytes`, but does not count a refusal.
  [[nodiscard]] sized_block take_unreported(std::size_t size, where_type where) {
    const auto got = take_hit_bytes(size, this->hot_place());
    return got.block != nullptr ? got : take_told(size, small_alignment, where);
  }
  /// As `take_bytes`, but waits at a bound until others have given back what it needs, or until the
  /// deadline.
  [[nodiscard]] TARN_COLD sized_block take_until(std::size_t size, std::int64_t deadline,
                                                 where_type where);
  /// One look of a request that waits for a block.
  [[nodiscard]] sized_block take_in_turn(std::size_t size, where_type where, turn whose);
  /// As `take_hit`: null if the hit path is not enough; nothing has changed then.
  [[nodiscard]] TARN_FORCE_INLINE sized_block take_hit_bytes(std::size_t size,
                                                             const place_word& place) {
    if (may_hit(size)) [[likely]]
      return take_hit_from(this->shard_at(place), size);
    return {};
  }

  /// `size`: any size from the requested one to the capacity. Returns: false if the hit path is not
  /// enough; nothing has changed then.
  [[nodiscard]] TARN_FORCE_INLINE bool give_hit_bytes(void* block, std::size_t size,
                                                      const place_word& place) noexcept {
    if (!may_hit(size)) [[unlikely]]
      return false;
    if constexpr (has_fixed_end) {
      auto* const shard = this->shard_at(place);
      return this->give_hit(shard, hot_tier(size), block);
    } else {
      this->give(hot_tier(size), block);
      return true;
    }
  }

  TARN_FORCE_INLINE void give_bytes(void* block, std::size_t size) noexcept {
    if (!give_hit_bytes(block, size, this->hot_place())) [[unlikely]]
      give_cold(block, size, small_alignment, core_settings::no_limit, true);
  }
  /// As `give_bytes`, for a handle, which knows how many bytes were used.
  TARN_FORCE_INLINE void give_owned(void* block, std::size_t capacity, std::size_t used) noexcept {
    if (!give_hit_bytes(block, capacity, this->hot_place())) [[unlikely]]
      give_cold(block, capacity, small_alignment, used, false);
  }

  /// A block of one cache line that no request names, for data that handles share. Returns: null if
  /// the core is closed or out of memory.
  [[nodiscard]] TARN_FORCE_INLINE void* take_node() {
    void* const node = this->take(node_tier(), 0, {}, node_place()).block;
    checks_type::mark(*this, node, true);
    return node;
  }
  struct block_with_node {
    sized_block got;
    void* node = nullptr;
  };
  /// As `take_hit_bytes`, and a node: null if the hit path is not enough for both; nothing has
  /// changed then.
  [[nodiscard]] TARN_FORCE_INLINE block_with_node take_hit_with_node(std::size_t size) {
    auto* const shard = this->shard_at(this->hot_place());
    if (!may_hit(size) || !base::front::has_next(*this, node_place(), shard)) [[unlikely]]
      return {};
    const auto got = take_hit_from(shard, size);
    if (got.block == nullptr) [[unlikely]]
      return {};
    void* const node = this->pop_ready(node_place(), shard);
    promise(node != nullptr);
    return {got, node};
  }
  /// As `take_bytes`, and a node, or none of the two. Returns: a null block if the core has too
  /// little memory; a null node, too, if that was what it had no memory for.
  [[nodiscard]] TARN_COLD block_with_node take_with_node(std::size_t size, where_type where);
  TARN_FORCE_INLINE void give_node(void* node) noexcept {
    checks_type::mark(*this, node, false);
    this->give(node_tier(), node, node_place());
  }
  /// False if `node` lies in a block that is not in use. Only a pool that checks can tell.
  [[nodiscard]] bool is_alive(const void* node) const noexcept {
    return checks_type::is_out(*this, node);
  }

  /// The tier for a size and an alignment; `tiers()` if no tier serves them.
  [[nodiscard]] std::uint32_t tier_of(std::size_t size, std::size_t alignment) const noexcept;

  /// Everything that the hit path leaves out: alignment, zeros, checks, sizes above the last tier.
  [[nodiscard]] TARN_COLD sized_block take_cold(std::size_t size, std::size_t alignment,
                                                where_type where = {});

  /// The bytes of a block that is in use; 0 for other memory.
  [[nodiscard]] std::size_t size_of_block(const void* block) const noexcept;

  /// Takes `count` blocks and calls `use(i, block, capacity)` for each, or takes none and counts
  /// the refusal. Returns: whether it got them.
  template <class Use>
  [[nodiscard]] bool take_many(std::size_t size, std::size_t count, where_type where, Use&& use);
  /// The same, but a refusal is neither counted nor reported.
  template <class Use>
  [[nodiscard]] bool take_many_unreported(std::size_t size, std::size_t count, where_type where,
                                          Use&& use);

  /// `used`: the bytes that may differ from zero. `by_hand`: not through a handle.
  TARN_COLD void give_cold(void* block, std::size_t size, std::size_t alignment, std::size_t used,
                           bool by_hand) noexcept;

  /// Prepares a new block to be ready: zeroes it if the pool keeps its idle blocks zero.
  void make(std::uint32_t tier, void* block) noexcept;

  /// Gives idle memory back until at most `to_bytes` are idle. Returns: bytes given to the source.
  std::size_t trim_bytes(std::size_t to_bytes) noexcept {
    const auto large = large_.trim(to_bytes, this->source());
    upkeep<typename Config::mechanism>::note_returned(*this, large);
    const auto kept = large_.numbers().kept_bytes;
    return large + this->trim(to_bytes - (kept < to_bytes ? kept : to_bytes));
  }

  /// True if requests of this size may go straight to their tier.
  [[nodiscard]] TARN_FORCE_INLINE bool is_hot(std::size_t size) const noexcept {
    return size < this->hot_end_.load(std::memory_order::relaxed);
  }
  void refresh_fast_path() noexcept {
    const bool is_plain = zeroing_ == zeroing::none && checks_type::trusts;
    this->set_hot_end(is_plain ? tiers_.size_of(tiers_.count() - 1) + 1 : 0);
  }
  [[nodiscard]] const tiers_type& table() const noexcept { return tiers_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] tarn::zeroing zeroing() const noexcept { return zeroing_; }
  [[nodiscard]] large_blocks<lock_type>& large() noexcept { return large_; }
  [[nodiscard]] const large_blocks<lock_type>& large() const noexcept { return large_; }
  /// References that were added to shared bytes, and dropped again before the last.
  [[nodiscard]] holder_counts<Config>& holders() noexcept { return holders_; }
  [[nodiscard]] const holder_counts<Config>& holders() const noexcept { return holders_; }
  [[nodiscard]] const checks_type& misuses() const noexcept { return checks_; }
  void report(misuse kind, const void* block, std::size_t size) noexcept;
  /// Checks a return. From a handle it is good by construction; only its mark must be cleared.
  [[nodiscard]] bool admitted(void* block, std::size_t size, std::size_t alignment,
                              std::uint32_t tier, bool by_hand) noexcept;

  void lock_all() noexcept override;
  void unlock_all() noexcept override;
  void abandon_foreign_shards(void* own) noexcept override;

 private:
  [[nodiscard]] static core_settings with(core_settings s, tarn::zeroing zeroing) noexcept {
    s.node_bytes = line_alignment;
    s.cache_gap = static_cast<std::uint32_t>(gap);
    s.keeps_zeros = zeroing != zeroing::none && zeroing != zeroing::on_get;
    return s;
  }

  /// Whether no size is compared: those above the last tier, and 0, lead into the gap.
  static constexpr bool has_gap =
      has_fixed_end && base::front::has_gap && has_open_search<tiers_type>;
  /// Caches between that of the last tier and that of nodes.
  static constexpr std::size_t gap = [] {
    if constexpr (has_gap) {
      static_assert(tiers_type::open_count() <= max_tiers, "open_count() may be 64 at most");
      return tiers_type::open_count() - tiers_type::count();
    }
    return std::size_t{0};
  }();

  /// Whether a request of this size may be a hit. Size 0 is no hit where the test for it would cost
  /// an instruction.
  [[nodiscard]] TARN_FORCE_INLINE bool may_hit(std::size_t size) const noexcept {
    if constexpr (has_gap) {
      return true;
    } else if constexpr (has_fixed_end) {
      return size - 1 < tiers_type::size_of(tiers_type::count() - 1);
    } else {
      return is_hot(size);
    }
  }
  /// The part of `take_hit_bytes` that follows the test of the size. `shard`: that of
  /// `hot_place()`.
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE sized_block take_hit_from(Shard* shard, std::size_t size) {
    const auto tier = hot_tier(size);
    void* const block = this->take_hit(shard, tier, size, true);
    if (block == nullptr) [[unlikely]]
      return {};
    return {block, tiers_.size_of(tier)};
  }
  /// The tier of a size that `may_hit`, or a place in the gap.
  [[nodiscard]] TARN_FORCE_INLINE std::size_t hot_tier(std::size_t size) const noexcept {
    if constexpr (has_gap) {
      return tiers_type::open_tier_for(size);
    } else if constexpr (tiers_type::is_static) {
      // So the table does not test this again.
      promise(size <= tiers_type::size_of(tiers_type::count() - 1));
      promise(!has_fixed_end || size != 0);
    }
    return tiers_.tier_for(size);
  }

  [[nodiscard]] std::uint32_t node_tier() const noexcept {
    return static_cast<std::uint32_t>(tiers_.count());
  }
  [[nodiscard]] std::size_t node_place() const noexcept { return tiers_.count() + gap; }

  ~byte_core() override { static_cast<void>(large_.trim(0, this->source())); }

  void give_more_back() noexcept override { static_cast<void>(large_.trim(0, this->source())); }
  [[nodiscard]] std::size_t idle_elsewhere() const noexcept override;

  /// Whether a check may write the bytes of a block that goes out, or of one that is idle.
  [[nodiscard]] bool is_free_out() const noexcept { return zeroing_ == zeroing::none; }
  [[nodiscard]] bool is_free_idle() const noexcept {
    return zeroing_ == zeroing::none || zeroing_ == zeroing::on_get;
  }
  /// The bytes of a large block, with its room for checks. A small block that is only over-aligned
  /// has the size of its tier, so that it may come back with any size up to `capacity_for`.
  [[nodiscard]] std::size_t extent_for(std::size_t size) const noexcept;
  [[nodiscard]] sized_block take_told(std::size_t size, std::size_t alignment, where_type where);
  /// Prepares a block of a tier as the pool's options want it, and tells observers of the get.
  void hand_out(void* block, origin from, std::uint32_t tier, std::size_t size) noexcept;
  [[nodiscard]] held_block hold_large(std::size_t size, std::size_t alignment, bool counts,
                                      turn whose = turn::none);
  void hand_out_large(const held_block& got, std::size_t size, where_type where,
                      std::int64_t began = 0) noexcept;
  template <class Use>
  [[nodiscard]] bool take_many_large(std::size_t size, std::size_t count, where_type where,
                                     Use&& use);
  [[nodiscard]] sized_block take_large(std::size_t size, std::size_t alignment, where_type where,
                                       turn whose = turn::none);

  /// The alignment of a large block for which `alignment` was asked.
  [[nodiscard]] std::size_t large_alignment(std::size_t alignment) const noexcept {
    return max_of(max_of(alignment, line_alignment), this->settings().alignment);
  }
  void keep_bound() noexcept;
  void give_large(void* block, std::size_t size, std::size_t alignment) noexcept;

  /// Finds a large block only in a pool that tracks it and that other threads may read.
  [[nodiscard]] bool contains(const void* p) const noexcept override {
    if (this->find_slab(p) != nullptr) return true;
    if constexpr (Config::is_concurrent) return large_.extent_of(p) != 0;
    return false;
  }

  tiers_type tiers_;
  large_blocks<lock_type> large_;
  std::string name_;
  tarn::zeroing zeroing_;
  TARN_NO_UNIQUE_ADDRESS checks_type checks_;
  TARN_NO_UNIQUE_ADDRESS returned_extents_of<Config> returned_;
  TARN_NO_UNIQUE_ADDRESS holder_counts<Config> holders_;
};

}  // namespace tarn::detail
