// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include <tarn/detail/core/all.hpp>
#include <tarn/detail/core/large.hpp>
#include <tarn/detail/core/verify.hpp>

namespace tarn::detail {

/// When memory is overwritten with zeros.
enum class zeros : unsigned char { none, on_get, on_put, used_prefix, secure };

/// The core of a byte pool: sizes in front of tiers, and what lies beyond the last one.
///
/// `Config` adds to that of `core`: `tiers` (a table), `misused(report...)`.
template <class Config>
class byte_core final : public core<Config> {
 public:
  using base = core<Config>;
  using tiers_type = typename Config::tiers;
  using lock_type = typename Config::lock;
  using piece = typename large_blocks<lock_type>::piece;

  byte_core(const core_settings& settings, tiers_type tiers, typename Config::source source,
            std::string name, zeros zeroing, std::size_t large_cache_bytes)
      : base(with(settings, zeroing), static_cast<std::uint32_t>(tiers.count()),
             [&](std::uint32_t i) { return tiers.size_of(i); }, std::move(source)),
        tiers_(std::move(tiers)),
        large_(large_cache_bytes, Config::checks),
        name_(std::move(name)),
        zeroing_(zeroing) {
    if (zeroing == zeros::none && !Config::checks) {
      this->hot_end_ = tiers_.size_of(tiers_.count() - 1) + 1;
    }
  }

  /// Returns: a null block if the core is closed or out of memory.
  [[nodiscard]] TARN_FORCE_INLINE piece take_bytes(std::size_t size) {
    if (size < this->hot_end_) [[likely]] {
      const auto tier = tiers_.tier_for(size);
      return {this->take(static_cast<std::uint32_t>(tier), size).block, tiers_.size_of(tier)};
    }
    return take_cold(size, small_alignment);
  }

  /// `size`: any from the asked one to the capacity.
  TARN_FORCE_INLINE void give_bytes(void* block, std::size_t size) noexcept {
    if (size < this->hot_end_) [[likely]] {
      this->give(static_cast<std::uint32_t>(tiers_.tier_for(size)), block);
    } else {
      give_cold(block, size, small_alignment, core_settings::no_limit, true);
    }
  }

  /// The same through a handle, which knows how much was used.
  TARN_FORCE_INLINE void give_owned(void* block, std::size_t capacity, std::size_t used) noexcept {
    if (capacity < this->hot_end_) [[likely]] {
      this->give(static_cast<std::uint32_t>(tiers_.tier_for(capacity)), block);
    } else {
      give_cold(block, capacity, small_alignment, used, false);
    }
  }

  /// The tier for a size and an alignment; `tiers()` if it passes through.
  [[nodiscard]] std::uint32_t tier_of(std::size_t size, std::size_t alignment) const noexcept {
    std::size_t tier = tiers_.tier_for(size);
    const std::size_t count = tiers_.count();
    if (tier < count && alignment > small_alignment) {
      if (alignment > this->slab_alignment()) return this->tiers();
      while (tier < count &&
             lowest_bit(this->shape_of(static_cast<std::uint32_t>(tier)).stride) < alignment) {
        ++tier;
      }
    }
    return static_cast<std::uint32_t>(tier < count ? tier : count);
  }

  /// Everything that the hit path leaves out: alignment, zeros, checks, sizes above the last tier.
  [[nodiscard]] TARN_COLD piece take_cold(std::size_t size, std::size_t alignment) {
    const auto tier = tier_of(size, alignment);
    if (tier == this->tiers()) return take_large(size, alignment);
    const auto got = this->take(tier, size);
    if (got.block == nullptr) return {};
    const auto& shape = this->shape_of(tier);
    if (zeroing_ == zeros::on_get) {
      std::memset(got.block, 0, size);
    } else if (zeroing_ != zeros::none && got.from == origin::fresh) {
      std::memset(got.block, 0, shape.stride);  // all others were zeroed on their return
    }
    if constexpr (Config::checks) {
      auto* const s = this->find_slab(got.block);
      static_cast<void>(s->enter(s->index_of(got.block)));
    }
    return {got.block, shape.size};
  }

  /// `used`: the bytes that may differ from zero. `by_hand`: not through a handle.
  TARN_COLD void give_cold(void* block, std::size_t size, std::size_t alignment, std::size_t used,
                           bool by_hand) noexcept {
    const auto tier = tier_of(size, alignment);
    if constexpr (Config::checks) {
      if (!admitted(block, size, tier, by_hand)) return;
    }
    if (tier == this->tiers()) return give_large(block, size, alignment);
    switch (zeroing_) {
      case zeros::none:
      case zeros::on_get: break;
      case zeros::on_put: std::memset(block, 0, this->shape_of(tier).stride); break;
      case zeros::used_prefix: {
        const auto stride = this->shape_of(tier).stride;
        std::memset(block, 0, used < stride ? used : stride);
        break;
      }
      case zeros::secure: secure_zero(block, this->shape_of(tier).stride); break;
    }
    this->give(tier, block);
  }

  /// Makes up to `count` blocks of `tier` ready. Returns: how many.
  std::size_t prewarm(std::uint32_t tier, std::size_t count) {
    std::size_t made = 0;
    for (; made != count; ++made) {
      void* const block = this->take_bare(tier);
      if (block == nullptr) break;
      if (zeroing_ != zeros::none && zeroing_ != zeros::on_get) {
        std::memset(block, 0, this->shape_of(tier).stride);
      }
      this->give_ready(tier, block);
    }
    return made;
  }

  /// Gives idle memory back until at most `to_bytes` are idle. Returns: bytes given to the source.
  std::size_t trim_bytes(std::size_t to_bytes) noexcept {
    const auto large = large_.trim(to_bytes, this->source());
    const auto kept = large_.numbers().kept_bytes;
    return large + this->trim(to_bytes - (kept < to_bytes ? kept : to_bytes));
  }

  /// True if requests of this size may go straight to their tier.
  [[nodiscard]] bool is_hot(std::size_t size) const noexcept { return size < this->hot_end_; }
  static constexpr std::size_t misuse_kinds = Config::checks ? misuse_count : 0;
  [[nodiscard]] const tiers_type& table() const noexcept { return tiers_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] zeros zeroing() const noexcept { return zeroing_; }
  [[nodiscard]] large_blocks<lock_type>& large() noexcept { return large_; }
  [[nodiscard]] const large_blocks<lock_type>& large() const noexcept { return large_; }
  [[nodiscard]] const shared_counter<typename Config::env>& misuses(std::size_t kind) const noexcept {
    return misuses_[kind];
  }

  void lock_all() noexcept override {
    base::lock_all();
    large_.lock().lock();
  }
  void unlock_all() noexcept override {
    large_.lock().unlock();
    base::unlock_all();
  }

 private:
  [[nodiscard]] static core_settings with(core_settings s, zeros zeroing) noexcept {
    s.keeps_zeros = zeroing != zeros::none && zeroing != zeros::on_get;
    return s;
  }

  ~byte_core() override { static_cast<void>(large_.trim(0, this->source())); }

  [[nodiscard]] piece take_large(std::size_t size, std::size_t alignment) {
    if (size > max_size || this->closed()) return {};
    this->on_oversize(size);
    const auto wanted = alignment < line_alignment ? line_alignment : alignment;
    const auto got = large_.take(size, wanted, Config::counts, this->source());
    if (got.block == nullptr) return got;
    this->pin();  // the pool object is there; the block keeps the core from now on
    if (zeroing_ != zeros::none) std::memset(got.block, 0, got.capacity);
    return got;
  }

  void give_large(void* block, std::size_t size, std::size_t alignment) noexcept {
    if (zeroing_ == zeros::secure) secure_zero(block, size);
    const auto wanted = alignment < line_alignment ? line_alignment : alignment;
    if (large_.give(block, size, wanted, Config::counts, !this->closed(), this->source())) {
      this->drop_life();
    }
  }

  /// Judges a return. Through a handle it is good by construction; only its mark has to go.
  [[nodiscard]] bool admitted(void* block, std::size_t size, std::uint32_t tier,
                              bool by_hand) noexcept {
    misuse verdict = misuse::foreign;
    bool good = false;
    if (const auto extent = block != nullptr ? large_.extent_of(block) : 0; extent != 0) {
      good = tier == this->tiers() && size <= extent;
      verdict = misuse::wrong_size;
    } else {
      good = admit(static_cast<base&>(*this), block, tier, verdict);
    }
    if (good && (!by_hand || !this->closed())) return true;
    if (good) verdict = misuse::after_close;
    misuses_[static_cast<std::size_t>(verdict)].add(1);
    Config::on_misuse(verdict, name_.c_str(), block, size);
    return good;
  }

  tiers_type tiers_;
  large_blocks<lock_type> large_;
  std::string name_;
  zeros zeroing_;
  shared_counter<typename Config::env> misuses_[Config::checks ? misuse_count : 1];
};

}  // namespace tarn::detail
