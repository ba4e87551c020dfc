// SPDX-License-Identifier: MIT
//
// byte_pool: buffers of bytes from tiers of sizes.
//
//   tarn::byte_pool<> pool;
//   auto b = pool.get(1500);          // a tarn::buffer of 1500 bytes
//   void* p = pool.allocate(100);     // or by hand
//   pool.deallocate(p, 100);
//
// A request is served by the smallest tier that holds it; a size above the last tier passes through
// to the source. Memory comes in slabs, is reused, and goes back by `trim`, `drain`, `maintain` or
// where a bound is reached.

#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tarn/buffer.hpp>
#include <tarn/fwd.hpp>
#include <tarn/pool_base.hpp>
#include <tarn/shared_buffer.hpp>
#include <tarn/value/errors.hpp>

namespace tarn {

/// A pool of byte buffers of tiered sizes.
///
/// `Lock`: a lock policy (policy/lock.hpp). `Stats`: a stats policy (policy/stats.hpp). `Traits`:
/// tier table, check policy and source (policy/traits.hpp).
///
/// Thread safety: every member but constructor and destructor, as `Lock` allows: from any thread if
/// `is_concurrent_v<Lock>`, else from one. Buffers and raw blocks may come back on any thread (of
/// a concurrent pool), also after the pool is gone.
template <class Lock, class Stats, class Traits>
class byte_pool
    : public detail::pool_base<detail::byte_core<detail::byte_config<Lock, Stats, Traits>>> {
  using core_type = detail::byte_core<detail::byte_config<Lock, Stats, Traits>>;
  using base = detail::pool_base<core_type>;

 public:
  using lock_type = Lock;
  using stats_type = Stats;
  using traits_type = Traits;
  using tiers_type = typename Traits::tiers;
  using source_type = typename Traits::source;
  using buffer = basic_buffer<Lock, Stats, Traits>;
  using shared_buffer = basic_shared_buffer<Lock, Stats, Traits>;

  /// Who asks: the place of the call, for stats policies that follow blocks; an empty type for all
  /// others. Made of a `std::source_location` as well.
  using where_type = typename core_type::where_type;

  static constexpr std::size_t default_alignment = detail::small_alignment;

  /// Throws: `std::invalid_argument` for options that make no sense, naming the value and the
  /// limit; `std::bad_alloc` if there is no memory for the pool or for `initial_objects`.
  // (These two are templates because clang 14 makes members whose constraints don't hold, if a
  // class is instantiated explicitly.)
  template <std::default_initializable Source = source_type>
  byte_pool()
    requires std::default_initializable<tiers_type>
      : byte_pool(options{}) {}
  template <std::default_initializable Source = source_type>
  explicit byte_pool(options o, tiers_type tiers = {})
      : byte_pool(std::move(o), std::move(tiers), Source()) {}
  explicit byte_pool(options o, tiers_type tiers, source_type source)
      : base(new core_type(detail::settings_of<source_type>(o), tiers, std::move(source), o.name,
                           o.zeroing, o.large_cache_bytes.value_or(0)),
             o) {
    this->prewarm_initially();
  }

  /// Gets a buffer of `size` bytes; contents are indeterminate unless the pool zeroes.
  ///
  /// Throws: `std::length_error` if `size` is above PTRDIFF_MAX; `pool_closed`; `pool_exhausted` if
  ///   the source or a limit is exhausted. The pool is as before then.
  /// Complexity: O(1); a miss may take a slab from the source.
  [[nodiscard]] TARN_FORCE_INLINE buffer get(std::size_t size,
                                             where_type where = where_type::current()) {
    auto got = core().take_hit_bytes(size);
    if (got.block == nullptr) [[unlikely]]
      got = take_slowly(size, where);
    return {got.block, size, got.capacity, &core()};
  }
  /// As `get`, but returns an empty buffer where that throws.
  [[nodiscard]] TARN_FORCE_INLINE buffer
  try_get(std::size_t size, where_type where = where_type::current()) noexcept {
    const auto got = core().take_bytes(size, where);
    if (got.block == nullptr) [[unlikely]]
      return {};
    return {got.block, size, got.capacity, &core()};
  }

  /// Gets a buffer of at least `size` bytes: its size is its capacity.
  [[nodiscard]] buffer get_at_least(std::size_t size, where_type where = where_type::current()) {
    const auto got = core().take_bytes(size, where);
    if (got.block == nullptr) [[unlikely]]
      this->fail(size);
    buffer made(got.block, size, got.capacity, &core());
    made.resize(got.capacity);  // the rest is asked for as well
    return made;
  }
  [[nodiscard]] buffer try_get_at_least(std::size_t size,
                                        where_type where = where_type::current()) noexcept {
    const auto got = core().take_bytes(size, where);
    if (got.block == nullptr) [[unlikely]]
      return {};
    buffer made(got.block, size, got.capacity, &core());
    made.resize(got.capacity);  // the rest is asked for as well
    return made;
  }

  /// Gets `size` bytes that may have several owners; to be filled by `make_unique`.
  ///
  /// Throws: as `get`. Complexity: O(1); a block with less than 24 bytes to spare needs a node of
  ///   the pool besides.
  [[nodiscard]] TARN_FORCE_INLINE shared_buffer
  get_shared(std::size_t size, where_type where = where_type::current()) {
    auto got = core().take_hit_bytes(size);
    if (got.block == nullptr) [[unlikely]]
      got = take_slowly(size, where);
    shared_buffer made = share(got, size);
    if (!made) [[unlikely]]
      this->fail(size);
    return made;
  }
  /// As `get_shared`, but returns an empty handle where that throws.
  [[nodiscard]] shared_buffer try_get_shared(std::size_t size,
                                             where_type where = where_type::current()) noexcept {
    const auto got = core().take_bytes(size, where);
    return got.block != nullptr ? share(got, size) : shared_buffer();
  }
  /// Shares memory of somebody else: `deleter()` is called after the last reference, on its thread.
  ///
  /// `Deleter`: captures 16 bytes at most (a `shared_ptr` fits) and does not throw. Throws: as
  /// `get`;
  ///   the deleter has been called then.
  template <class Deleter>
  [[nodiscard]] shared_buffer adopt(std::string_view text, Deleter deleter) {
    return adopt(std::as_bytes(std::span(text)), std::move(deleter));
  }
  template <class Deleter>
  [[nodiscard]] shared_buffer adopt(std::span<const std::byte> bytes, Deleter deleter) {
    shared_buffer made = try_adopt(bytes, std::move(deleter));
    if (!made) this->fail(detail::line_alignment);
    return made;
  }
  /// As `adopt`, but returns an empty handle where that throws.
  template <class Deleter>
  [[nodiscard]] shared_buffer try_adopt(std::span<const std::byte> bytes,
                                        Deleter deleter) noexcept {
    static_assert(
        sizeof(Deleter) <= shared_node::deleter_bytes && alignof(Deleter) <= sizeof(void*),
        "byte_pool::adopt: the deleter may capture 16 bytes; put more behind a pointer");
    static_assert(std::is_invocable_v<Deleter&>,
                  "byte_pool::adopt: the deleter is called without an argument");
    auto* const node = shared_node::make_external(&core(), bytes.data(), bytes.size(), deleter);
    if (node != nullptr) {
      // Even a reference to no bytes at all has to look like one.
      const void* const first =
          bytes.data() != nullptr ? static_cast<const void*>(bytes.data()) : node;
      return {static_cast<const std::byte*>(first), bytes.size(), node};
    }
    deleter();
    return {};
  }

  /// Adds a reference to what `shared_buffer::to_raw` took apart.
  ///
  /// Preconditions: no handle drops the last reference at the same time.
  /// Returns: false if the last reference is gone: zero is terminal. That is found as long as the
  ///   memory was not handed out again or given back; `checked` finds it in any block of a tier,
  ///   and reports it. It also refuses what another pool shares.
  bool retain(const typename shared_buffer::raw_type& raw) noexcept {
    auto* const node = static_cast<shared_node*>(raw.node);
    if (node == nullptr) return true;  // static bytes, or none
    if (!is_good(raw)) return false;
    if (!node->count.try_add()) return report(misuse::double_put, raw);
    core().holders().get();
    return true;
  }
  /// Drops a reference. Returns: as above.
  bool release(const typename shared_buffer::raw_type& raw) noexcept {
    auto* const node = static_cast<shared_node*>(raw.node);
    if (node == nullptr) return true;
    if (!is_good(raw)) return false;
    core().holders().put();  // early: without this reference the core may be gone
    const auto what = node->count.try_drop();
    if (what != detail::dropped::kept) core().holders().unput();
    if (what == detail::dropped::last) node->end();
    return what != detail::dropped::dead || report(misuse::double_put, raw);
  }

  /// Gives a buffer back, to the pool it came from. An empty one is ignored.
  void put(buffer&& b) noexcept { b.reset(); }

  /// Fills `out` with buffers of `size` bytes: all or, if it throws, none.
  void get_bulk(std::size_t size, std::span<buffer> out, where_type where = where_type::current()) {
    if (!try_get_bulk(size, out, where)) fail_bulk(size, out.size());
  }
  [[nodiscard]] bool try_get_bulk(std::size_t size, std::span<buffer> out,
                                  where_type where = where_type::current()) noexcept {
    if (overflows(size, out.size())) return false;
    void* blocks[at_once];
    const bool is_hot = core().is_hot(size);
    const auto tier = is_hot ? core().tier_of(size, default_alignment) : 0;
    for (std::size_t i = 0; i != out.size();) {
      const auto n = is_hot ? detail::min_of(at_once, out.size() - i) : 1;
      if (is_hot && core().take_bulk(tier, size, blocks, n, where)) {
        const auto capacity = core().shape_of(tier).size;
        for (std::size_t k = 0; k != n; ++k)
          out[i + k] = {blocks[k], size, capacity, &core()};
      } else if (is_hot || !(out[i] = try_get(size, where))) {
        while (i-- != 0)
          out[i].reset();
        return false;
      }
      i += n;
    }
    return true;
  }
  /// Gives them all back, each to the pool it came from; neighbours of one tier at once.
  void put_bulk(std::span<buffer> buffers) noexcept {
    void* blocks[at_once];
    for (std::size_t i = 0; i != buffers.size();) {
      core_type* const home = buffers[i].core_;
      const auto capacity = buffers[i].capacity_;
      if (home == nullptr || !home->is_hot(capacity)) {
        buffers[i++].reset();
        continue;
      }
      std::size_t n = 0;
      for (; n != at_once && i != buffers.size(); ++n, ++i) {
        if (buffers[i].core_ != home || buffers[i].capacity_ != capacity) break;
        blocks[n] = buffers[i].release();
      }
      home->give_bulk(home->tier_of(capacity, default_alignment), blocks, n);
    }
  }

  // By hand.

  /// Gets raw memory of at least `size` bytes, aligned to `alignment`, and to 64 bytes from the
  /// 64-byte tier on. An alignment that no tier has passes through to the source.
  ///
  /// Preconditions: `alignment` is a power of two. Throws: as `get`, and `std::invalid_argument`
  ///   naming an alignment that is none.
  [[nodiscard]] TARN_FORCE_INLINE void* allocate(std::size_t size,
                                                 std::size_t alignment = default_alignment,
                                                 where_type where = where_type::current()) {
    if (is_small(alignment)) [[likely]] {
      if (void* const block = core().take_hit_bytes(size).block) [[likely]]
        return block;
    }
    return allocate_slowly(size, alignment, where);
  }
  /// As `allocate`, but returns null where that throws.
  [[nodiscard]] TARN_FORCE_INLINE void* try_allocate(
      std::size_t size, std::size_t alignment = default_alignment,
      where_type where = where_type::current()) noexcept {
    if (is_small(alignment)) [[likely]]
      return core().take_bytes(size, where).block;
    if (!std::has_single_bit(alignment)) return nullptr;
    return core().take_cold(size, alignment, where).block;
  }
  /// Gives raw memory back.
  ///
  /// Preconditions (found out by the check policy `checked`): `p` came from this pool with the same
  /// `alignment` and is not null; `size` is any from the asked one to `capacity_for(it)`.
  TARN_FORCE_INLINE void deallocate(void* p, std::size_t size,
                                    std::size_t alignment = default_alignment) noexcept {
    if constexpr (!Traits::check::enabled) {
      if (alignment <= default_alignment) [[likely]]
        return core().give_bytes(p, size);
    }
    core().give_cold(p, size, alignment, detail::core_settings::no_limit, true);
  }

  /// Fills `out` with raw blocks of `size` bytes: all or, if it throws, none.
  void allocate_bulk(std::size_t size, std::span<void*> out,
                     where_type where = where_type::current()) {
    if (!try_allocate_bulk(size, out, where)) fail_bulk(size, out.size());
  }
  [[nodiscard]] bool try_allocate_bulk(std::size_t size, std::span<void*> out,
                                       where_type where = where_type::current()) noexcept {
    if (overflows(size, out.size())) return false;
    if (core().is_hot(size)) {
      const auto tier = core().tier_of(size, default_alignment);
      return core().take_bulk(tier, size, out.data(), out.size(), where);
    }
    for (std::size_t i = 0; i != out.size(); ++i) {
      out[i] = try_allocate(size, default_alignment, where);
      if (out[i] != nullptr) continue;
      while (i-- != 0)
        deallocate(out[i], size);
      return false;
    }
    return true;
  }
  void deallocate_bulk(std::span<void* const> blocks, std::size_t size) noexcept {
    if (core().is_hot(size)) {
      const auto tier = core().tier_of(size, default_alignment);
      return core().give_bulk(tier, blocks.data(), blocks.size());
    }
    for (void* const block : blocks)
      deallocate(block, size);
  }

  /// The bytes that a request for `size` really gets.
  [[nodiscard]] std::size_t capacity_for(std::size_t size) const noexcept {
    const auto tier = core().tier_of(size, default_alignment);
    return tier < core().tiers() ? core().shape_of(tier).size : size;
  }

  // Upkeep; see pool_base.hpp.

  /// Makes `blocks` more blocks of `tier` ready, so that the next gets are hits: as many as
  /// `max_objects`, `resize` and `max_bytes` leave room for, since more would not be kept.
  ///
  /// Throws, and nothing has changed then: `std::invalid_argument` for a tier that does not exist;
  ///   `std::length_error` if their bytes overflow; `pool_exhausted` if `limit_bytes`, `capacity`
  ///   or the source allow less; `pool_closed`.
  void prewarm(std::size_t tier, std::size_t blocks) {
    this->check_tier(tier);
    this->prewarm_tier(tier, blocks);
  }
  /// Makes the depot of `tier` hold `blocks` idle blocks: more are made, or the surplus goes, and
  /// what comes back beyond that number is discarded from now on. No block that is out is lost.
  /// What is made ready ends where `max_bytes` does.
  ///
  /// Throws: as `prewarm`; the bound is the one before then, and no block went.
  void resize(std::size_t tier, std::size_t blocks) {
    this->check_tier(tier);
    this->resize_tier(tier, blocks);
  }
  [[nodiscard]] const tiers_type& tiers() const noexcept { return core().table(); }

 private:
  friend struct detail::access;
  using base::core;

  /// Whether every block has this alignment. Folded away where it is a constant.
  [[nodiscard]] static constexpr bool is_small(std::size_t alignment) noexcept {
    // Not has_single_bit: without a popcount instruction that is a call.
    return alignment - 1 < default_alignment && (alignment & (alignment - 1)) == 0;
  }

  using shared_node = detail::shared_node<detail::byte_config<Lock, Stats, Traits>>;
  [[nodiscard]] TARN_FORCE_INLINE shared_buffer share(const typename core_type::sized_block& got,
                                                      std::size_t size) {
    auto* const node = shared_node::make(&core(), got.block, got.capacity, size);
    if (node == nullptr) [[unlikely]] {
      core().give_owned(got.block, got.capacity, 0);
      return {};
    }
    return {static_cast<const std::byte*>(got.block), size, node};
  }
  bool report([[maybe_unused]] misuse kind,
              [[maybe_unused]] const typename shared_buffer::raw_type& raw) noexcept {
    if constexpr (Traits::check::enabled) core().report(kind, raw.data, raw.size);
    return false;
  }
  /// True if the count of `raw` may be changed. Only a pool that checks can tell.
  [[nodiscard]] bool is_good(
      [[maybe_unused]] const typename shared_buffer::raw_type& raw) noexcept {
    if constexpr (Traits::check::enabled) {
      const auto* const node = static_cast<const shared_node*>(raw.node);
      if (!core().is_alive(node)) return report(misuse::double_put, raw);
      if (&node->core() != &core()) return report(misuse::wrong_pool, raw);
    }
    return true;
  }

  /// Whether no memory can hold so many blocks. Counts that as a refusal.
  [[nodiscard]] bool overflows(std::size_t size, std::size_t blocks) noexcept {
    if (blocks == 0 || size <= detail::max_size / blocks) return false;
    core().refuse(refusal::too_large, core().tier_of(size, default_alignment), size);
    return true;
  }
  [[noreturn]] TARN_COLD void fail_bulk(std::size_t size, std::size_t blocks) {
    if (size > detail::max_size / blocks) {
      detail::throw_length("size", size, "must be at most, for each of so many,",
                           detail::max_size / blocks);
    }
    this->fail(size);
  }

  static constexpr std::size_t at_once = 32;  // blocks that lie on the stack between two lists

  // What follows a hit path that did not hit. Never inlined and called last, so that a hit saves no
  // registers for it. No buffer is handed to them: it could not live in registers then.
  using sized_block = typename core_type::sized_block;
  [[nodiscard]] TARN_COLD sized_block take_slowly(std::size_t size, where_type where) {
    const sized_block got = core().take_cold(size, default_alignment, where);
    if (got.block == nullptr) this->fail(size);
    return got;
  }
  [[nodiscard]] TARN_COLD void* allocate_slowly(std::size_t size, std::size_t alignment,
                                                where_type where) {
    void* const block = try_allocate(size, alignment, where);
    if (block == nullptr) this->fail(size, alignment);
    return block;
  }
};

/// The pool of the whole program for those that name none. It is never destroyed, so static
/// constructors and destructors may use it.
[[nodiscard]] inline byte_pool<>& default_pool() {
  alignas(byte_pool<>) static std::byte memory[sizeof(byte_pool<>)];
  static byte_pool<>& pool = *::new (memory) byte_pool<>(options{.name = "default"});
  return pool;
}

}  // namespace tarn
