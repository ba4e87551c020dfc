// SPDX-License-Identifier: MIT
//
// byte_pool: a pool of byte buffers in tiers of sizes.
//
//   tarn::byte_pool<> pool;
//   auto b = pool.get(1500);          // a tarn::buffer of 1500 bytes
//   void* p = pool.allocate(100);     // or by hand
//   pool.deallocate(p, 100);
//
// The smallest tier that is large enough serves a request. A request above the last tier goes to
// the source directly. The pool takes memory in slabs, reuses it, and gives it back in `trim`,
// `drain` and `maintain`, or when a bound is reached.

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
#include <tarn/detail/base/deadline.hpp>
#include <tarn/detail/base/first_use.hpp>
#include <tarn/detail/pool/byte_core_waiting.hpp>
#include <tarn/fwd.hpp>
#include <tarn/pool_base.hpp>
#include <tarn/shared_buffer.hpp>
#include <tarn/value/errors.hpp>

namespace tarn {

/// A pool of byte buffers in tiers of sizes.
///
/// `Lock`: a lock policy (policy/lock.hpp). `Stats`: a stats policy (policy/stats.hpp). `Traits`:
/// tier table, check policy and source (policy/traits.hpp).
///
/// Thread safety: if `is_concurrent_v<Lock>`, any thread may call any member except constructor and
/// destructor; else only one thread. Buffers and raw blocks of a concurrent pool may be given
/// back on any thread. Buffers and raw blocks may be given back after the pool has ended.
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

  /// The call site of a get, for stats policies that follow blocks; an empty type for all other
  /// policies. Also made from a `std::source_location`.
  using where_type = typename core_type::where_type;

  static constexpr std::size_t default_alignment = detail::small_alignment;

  /// Throws: `std::invalid_argument`, with the value and the limit, if the options are not valid;
  /// `std::bad_alloc` if there is no memory for the pool or for `initial_objects`.
  // (Both constructors are templates: if a class is instantiated explicitly, clang 14 also
  // instantiates members whose constraints do not hold.)
  template <std::default_initializable Source = source_type>
  byte_pool()
    requires std::default_initializable<tiers_type>
      : byte_pool(options{}) {}
  template <std::default_initializable Source = source_type>
  explicit byte_pool(options o, tiers_type tiers = {})
      : byte_pool(std::move(o), std::move(tiers), Source()) {}
  /// A pool with tiers of these sizes: `byte_pool_of<runtime_tiers>({100, 200})`. Throws: as
  /// `runtime_tiers`, too.
  // Not from an initializer_list: empty braces are options. g++ 12 also takes options in braces for
  // an array; there they need their type, `options{...}`, unless sizes follow.
  template <std::size_t Count, class Tiers = tiers_type>
    requires(!Tiers::is_static && std::default_initializable<source_type>)
  explicit byte_pool(const std::size_t (&sizes)[Count], options o = {})
      : byte_pool(std::move(o), Tiers(std::span<const std::size_t>(sizes)), source_type()) {}
  explicit byte_pool(options o, tiers_type tiers, source_type source)
      : base(new core_type(detail::settings_of<source_type>(o), tiers, std::move(source), o.name,
                           o.zeroing, o.large_cache_bytes.value_or(0)),
             o) {
    this->prewarm_initially();
  }

  /// Gets a buffer of `size` bytes. The contents are indeterminate unless the pool zeroes.
  ///
  /// Throws: `std::length_error` if `size` is above PTRDIFF_MAX; `pool_closed`; `pool_exhausted` if
  ///   the source or a limit is exhausted. The pool is unchanged then, but idle memory may have
  ///   gone back to the source, where that could have helped.
  /// Complexity: O(1); a miss may take a slab from the source.
  [[nodiscard]] TARN_FORCE_INLINE buffer get(std::size_t size,
                                             where_type where = where_type::current()) {
    auto got = core().take_hit_bytes(size, this->place());
    if (got.block == nullptr) [[unlikely]]
      got = take_slowly(size, where);
    return {got.block, size, got.capacity, &core()};
  }
  /// As `get`, but returns an empty buffer instead of throwing.
  [[nodiscard]] TARN_FORCE_INLINE buffer
  try_get(std::size_t size, where_type where = where_type::current()) noexcept {
    const auto got = core().take_bytes(size, where, this->place());
    if (got.block == nullptr) [[unlikely]]
      return {};
    return {got.block, size, got.capacity, &core()};
  }

  /// As `try_get`, but at `capacity` or `limit_bytes` it waits until others have given back what it
  /// needs, until the time is over, or until the pool is closed.
  ///
  /// No get that waits is overtaken: first come, first served, for each tier and for memory of the
  /// limit. So a get that does not wait finds no block of a tier, and no memory, that another
  /// thread waits for (under `lock_free` it may still find a block). A get that waits is woken by
  /// every put, and by all that gives memory back; while it waits, no put is a hit.
  ///
  /// Under `thread_cached` with a limit, but without `capacity`: idle blocks in the cache of
  /// another thread come to those who wait with the next get or put of that thread in this pool. A
  /// thread that does no more of these keeps them until it ends. So a limit of few blocks needs
  /// `capacity` or another policy: all idle memory is within reach then.
  ///
  /// A pool without `capacity` and `limit_bytes` does not wait. Nor does a request above the limit.
  /// If the source has nothing although the limit has room, a get asks it 16 times.
  /// Complexity: O(tiers) besides the wait, for the first that waits and for the last.
  [[nodiscard]] buffer get_for(std::size_t size, time_span at_most,
                               where_type where = where_type::current()) noexcept
    requires can_wait_for_other_threads<Lock>
  {
    return wait_for(size, detail::deadline_after<typename core_type::env>(at_most.count()), where);
  }
  /// As `get_for`, with a deadline on the steady clock, in nanoseconds since its epoch:
  /// `get_until(size, std::chrono::steady_clock::now().time_since_epoch() + 5ms)`.
  [[nodiscard]] buffer get_until(std::size_t size, time_span deadline,
                                 where_type where = where_type::current()) noexcept
    requires can_wait_for_other_threads<Lock>
  {
    return wait_for(size, deadline.count(), where);
  }

  /// Gets a buffer of at least `size` bytes. Its size is its capacity.
  [[nodiscard]] buffer get_at_least(std::size_t size, where_type where = where_type::current()) {
    const auto got = core().take_bytes(size, where, this->place());
    if (got.block == nullptr) [[unlikely]]
      this->fail(size);
    buffer made(got.block, size, got.capacity, &core());
    made.resize(got.capacity);  // counts the rest as requested
    return made;
  }
  [[nodiscard]] buffer try_get_at_least(std::size_t size,
                                        where_type where = where_type::current()) noexcept {
    const auto got = core().take_bytes(size, where, this->place());
    if (got.block == nullptr) [[unlikely]]
      return {};
    buffer made(got.block, size, got.capacity, &core());
    made.resize(got.capacity);  // counts the rest as requested
    return made;
  }

  /// Gets `size` bytes that may have several owners. Use `make_unique` to write them.
  ///
  /// Throws: as `get`. Complexity: O(1); if the block has less than 24 spare bytes, the pool also
  ///   takes a node.
  [[nodiscard]] TARN_FORCE_INLINE shared_buffer
  get_shared(std::size_t size, where_type where = where_type::current()) {
    const auto got = shared_node::take(core(), size, where);
    if (got.block == nullptr) [[unlikely]]
      fail_shared(size, got.lacks_node);
    return {static_cast<const std::byte*>(got.block), size, got.node};
  }
  /// As `get_shared`, but returns an empty handle instead of throwing.
  [[nodiscard]] shared_buffer try_get_shared(std::size_t size,
                                             where_type where = where_type::current()) noexcept {
    const auto got = shared_node::take(core(), size, where);
    if (got.block == nullptr) return {};
    return {static_cast<const std::byte*>(got.block), size, got.node};
  }
  /// Shares memory that the pool does not own. The thread that drops the last reference calls
  /// `deleter()`.
  ///
  /// Preconditions: `Deleter` captures at most 16 bytes (a `shared_ptr` fits) and does not throw.
  /// Throws: as `get`; `std::length_error`, with the size and the limit, for 2^62 bytes or more
  /// (2^30
  ///   on 32-bit systems). `deleter` has been called then.
  template <class Deleter>
  [[nodiscard]] shared_buffer adopt(std::string_view text, Deleter deleter) {
    return adopt(std::as_bytes(std::span(text)), std::move(deleter));
  }
  template <class Deleter>
  [[nodiscard]] shared_buffer adopt(std::span<const std::byte> bytes, Deleter deleter) {
    shared_buffer made = try_adopt(bytes, std::move(deleter));
    if (!made) fail_adopt(bytes.size());
    return made;
  }
  /// As `adopt`, but returns an empty handle instead of throwing.
  template <class Deleter>
  [[nodiscard]] shared_buffer try_adopt(std::span<const std::byte> bytes,
                                        Deleter deleter) noexcept {
    static_assert(
        sizeof(Deleter) <= shared_node::deleter_bytes && alignof(Deleter) <= sizeof(void*),
        "byte_pool::adopt: the deleter may capture 16 bytes; put more behind a pointer");
    static_assert(std::is_invocable_v<Deleter&>,
                  "byte_pool::adopt: the deleter is called without an argument");
    shared_node* node = nullptr;
    if (bytes.size() > shared_node::most_bytes) {
      core().refuse(refusal::too_large, core().tiers(), bytes.size());
    } else {
      node = shared_node::make_external(&core(), bytes.data(), bytes.size(), deleter);
    }
    if (node != nullptr) {
      // A reference to zero bytes needs a pointer that is not null.
      const void* const first =
          bytes.data() != nullptr ? static_cast<const void*>(bytes.data()) : node;
      return {static_cast<const std::byte*>(first), bytes.size(), node};
    }
    deleter();
    return {};
  }

  /// Adds a reference to a handle that `shared_buffer::to_raw` took apart.
  ///
  /// Preconditions: no handle drops the last reference at the same time.
  /// Returns: false if the last reference is gone: a count of zero never rises again. The pool sees
  ///   that only until it hands the memory out again or gives it back. `checked` finds and reports
  ///   it in any block of a tier, and also refuses bytes that another pool shares.
  bool retain(const typename shared_buffer::raw_type& raw) noexcept {
    auto* const node = static_cast<shared_node*>(raw.node);
    if (node == nullptr) return true;  // static bytes, or an empty handle
    if (!is_good(raw)) return false;
    if (!node->count.try_add()) return report(misuse::double_put, raw);
    core().holders().get();
    return true;
  }
  /// Drops a reference. Returns: as `retain`.
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

  /// Gives a buffer back to the pool it came from. Ignores an empty buffer.
  void put(buffer&& b) noexcept { b.reset(); }

  /// Fills `out` with buffers of `size` bytes; the buffers that it holds before go back. Throws: as
  /// `get`; nothing has changed then, in the pool or in `out`.
  void get_bulk(std::size_t size, std::span<buffer> out, where_type where = where_type::current()) {
    if (!try_get_bulk(size, out, where)) fail_bulk(size, out.size());
  }
  /// As `get_bulk`, but returns false instead of throwing.
  [[nodiscard]] bool try_get_bulk(std::size_t size, std::span<buffer> out,
                                  where_type where = where_type::current()) noexcept {
    if (void* blocks[most_on_stack]; out.size() <= most_on_stack && core().is_hot(size)) {
      const auto tier = core().tier_of(size, default_alignment);
      if (core().pop_bulk(tier, size, blocks, out.size(), where)) {
        const auto capacity = core().shape_of(tier).size;
        for (std::size_t i = 0; i != out.size(); ++i)
          out[i] = {blocks[i], size, capacity, &core()};
        return true;
      }
    }
    return core().take_many(size, out.size(), where,
                            [first = out.data(), size, core = &core()](std::size_t i, void* block,
                                                                       std::size_t capacity) {
                              first[i] = {block, size, capacity, core};
                            });
  }
  /// Gives all buffers back, each to its own pool; adjacent buffers of one tier in one step.
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
        blocks[n] = buffers[i].detach();
      }
      home->give_bulk(home->tier_of(capacity, default_alignment), blocks, n);
    }
  }

  // Raw memory.

  /// Gets raw memory of at least `size` bytes, aligned to `alignment`. Blocks of tiers from 64
  /// bytes on are aligned to at least 64 bytes. If no tier has the alignment, the source serves the
  /// request.
  ///
  /// Preconditions: `alignment` is a power of two. Throws: as `get`; `std::invalid_argument`, with
  ///   the alignment, if it is not a power of two.
  [[nodiscard]] TARN_FORCE_INLINE void* allocate(std::size_t size,
                                                 std::size_t alignment = default_alignment,
                                                 where_type where = where_type::current()) {
    if (is_small(alignment)) [[likely]] {
      if (void* const block = core().take_hit_bytes(size, this->place()).block) [[likely]]
        return block;
    }
    return allocate_slowly(size, alignment, where);
  }
  /// As `allocate`, but returns null instead of throwing.
  [[nodiscard]] TARN_FORCE_INLINE void* try_allocate(
      std::size_t size, std::size_t alignment = default_alignment,
      where_type where = where_type::current()) noexcept {
    if (is_small(alignment)) [[likely]]
      return core().take_bytes(size, where, this->place()).block;
    if (!std::has_single_bit(alignment)) return nullptr;
    return core().take_cold(size, alignment, where).block;
  }
  /// Gives raw memory back.
  ///
  /// Preconditions (verified by the check policy `checked`): `p` is not null and came from this
  /// pool with the same `alignment`; `size` is from the requested size to `capacity_for` of it.
  TARN_FORCE_INLINE void deallocate(void* p, std::size_t size,
                                    std::size_t alignment = default_alignment) noexcept {
    if constexpr (!Traits::check::enabled) {
      if (alignment <= default_alignment) [[likely]] {
        if constexpr (!core_type::has_fixed_end) return core().give_bytes(p, size);
        if (core().give_hit_bytes(p, size, this->place())) [[likely]]
          return;
      }
    }
    deallocate_slowly(p, size, alignment);
  }

  /// Fills `out` with raw blocks of `size` bytes. Throws: as `allocate`; nothing has changed then,
  /// in the pool or in `out`.
  void allocate_bulk(std::size_t size, std::span<void*> out,
                     where_type where = where_type::current()) {
    if (!try_allocate_bulk(size, out, where)) fail_bulk(size, out.size());
  }
  [[nodiscard]] bool try_allocate_bulk(std::size_t size, std::span<void*> out,
                                       where_type where = where_type::current()) noexcept {
    if (core().is_hot(size) && core().pop_bulk(core().tier_of(size, default_alignment), size,
                                               out.data(), out.size(), where)) {
      return true;
    }
    return core().take_many(size, out.size(), where,
                            [&](std::size_t i, void* block, std::size_t) { out[i] = block; });
  }
  void deallocate_bulk(std::span<void* const> blocks, std::size_t size) noexcept {
    if (core().is_hot(size)) {
      const auto tier = core().tier_of(size, default_alignment);
      return core().give_bulk(tier, blocks.data(), blocks.size());
    }
    for (void* const block : blocks)
      deallocate(block, size);
  }

  /// The capacity in bytes of the block that serves a request for `size` bytes.
  [[nodiscard]] std::size_t capacity_for(std::size_t size) const noexcept {
    const auto tier = core().tier_of(size, default_alignment);
    return tier < core().tiers() ? core().shape_of(tier).size : size;
  }

  /// The bytes that there is room for at `p`. For code that has no size, such as a `malloc` on a
  /// pool: `p` may be given back with this size and the alignment that it was taken with, and it
  /// may grow to this size without moving. Bytes behind the requested size are as they were, also
  /// with `zeroing::on_get`.
  ///
  /// Preconditions: `p` is null, or the address of a block that is in use. Returns: 0 for null, for
  ///   an address that is not in this pool, and for a block from the source (above the last tier,
  ///   or aligned to more than any tier) unless the pool keeps a list of these, which it does if it
  ///   has `large_cache_bytes` or the check policy `checked`. Complexity: O(1), for a block from
  ///   the source under a lock.
  [[nodiscard]] std::size_t block_size(const void* p) const noexcept {
    return p != nullptr ? core().size_of_block(p) : 0;
  }

  // Upkeep. pool_base.hpp has the rest.

  /// Makes `blocks` more blocks of `tier` ready, so that the next gets are hits. Makes no more than
  /// `max_objects`, `resize` and `max_bytes` allow, since the pool would discard the surplus.
  ///
  /// Throws: `std::invalid_argument` if the tier does not exist; `std::length_error` if the
  ///   number of bytes overflows; `pool_exhausted` if `limit_bytes`, `capacity` or the source allow
  ///   less; `pool_closed`. The pool is unchanged then.
  void prewarm(std::size_t tier, std::size_t blocks) {
    this->check_tier(tier);
    this->prewarm_tier(tier, blocks);
  }
  /// Makes the depot of `tier` hold `blocks` idle blocks: makes the missing blocks, or gives the
  /// surplus back. From now on the pool discards blocks that come back above that number. Live
  /// blocks stay valid. Makes no more blocks than `max_bytes` allows.
  ///
  /// Throws: as `prewarm`; the bound is unchanged then, and all idle blocks are kept.
  void resize(std::size_t tier, std::size_t blocks) {
    this->check_tier(tier);
    this->resize_tier(tier, blocks);
  }
  [[nodiscard]] const tiers_type& tiers() const noexcept { return core().table(); }
  /// The source that the pool keeps. Thread safety: as its members.
  [[nodiscard]] const source_type& source() const noexcept { return core().source().metered(); }

 private:
  friend struct detail::access;
  using base::core;

  /// True if every block has this alignment. The compiler folds it for a constant.
  [[nodiscard]] static constexpr bool is_small(std::size_t alignment) noexcept {
    // Not has_single_bit: that is a call if there is no popcount instruction.
    return alignment - 1 < default_alignment && (alignment & (alignment - 1)) == 0;
  }

  [[nodiscard]] buffer wait_for(std::size_t size, std::int64_t deadline,
                                where_type where) noexcept {
    const auto got = core().take_until(size, deadline, where);
    if (got.block == nullptr) return {};
    return {got.block, size, got.capacity, &core()};
  }
  [[nodiscard]] bool try_get_bulk_unreported(std::size_t size, std::span<buffer> out,
                                             where_type where) noexcept {
    return core().take_many_unreported(size, out.size(), where,
                                       [first = out.data(), size, core = &core()](
                                           std::size_t i, void* block, std::size_t capacity) {
                                         first[i] = {block, size, capacity, core};
                                       });
  }
  [[nodiscard]] buffer try_get_unreported(std::size_t size, where_type where) noexcept {
    const auto got = core().take_unreported(size, where);
    if (got.block == nullptr) return {};
    buffer made(got.block, size, got.capacity, &core());
    made.resize(got.capacity);  // counts the rest as requested
    return made;
  }

  using shared_node = detail::shared_node<detail::byte_config<Lock, Stats, Traits>>;
  [[noreturn]] TARN_COLD void fail_shared(std::size_t size, bool lacks_node) const {
    if (lacks_node) detail::throw_no_node(core());
    this->fail(size);
  }
  bool report([[maybe_unused]] misuse kind,
              [[maybe_unused]] const typename shared_buffer::raw_type& raw) noexcept {
    core_type::checks_type::report(core(), kind, raw.data, raw.size);
    return false;
  }
  /// True if the count of `raw` may be changed. Only a pool that checks can detect a bad one.
  [[nodiscard]] bool is_good(
      [[maybe_unused]] const typename shared_buffer::raw_type& raw) noexcept {
    if constexpr (Traits::check::enabled) {
      const auto* const node = static_cast<const shared_node*>(raw.node);
      if (!core().is_alive(node)) return report(misuse::double_put, raw);
      if (&node->core() != &core()) return report(misuse::wrong_pool, raw);
    }
    return true;
  }

  [[noreturn]] TARN_COLD void fail_bulk(std::size_t size, std::size_t blocks) {
    if (size > detail::max_size / blocks) {
      detail::throw_length("size", size, "must be at most, for each of so many,",
                           detail::max_size / blocks);
    }
    this->fail_many(core().tier_of(size, default_alignment), size, blocks);
  }

  [[noreturn]] TARN_COLD void fail_adopt(std::size_t size) {
    if (size > shared_node::most_bytes) {
      detail::throw_length("adopted size", size, "must be at most", shared_node::most_bytes);
    }
    detail::throw_no_node(core());
  }
  [[nodiscard]] shared_buffer try_get_shared_unreported(std::size_t size,
                                                        where_type where) noexcept {
    const auto got = core().take_unreported(size, where);
    if (got.block == nullptr) return {};
    auto* const node = shared_node::make(&core(), got.block, got.capacity, size);
    if (node == nullptr) {
      core().give_owned(got.block, got.capacity, 0);
      return {};
    }
    return {static_cast<const std::byte*>(got.block), size, node};
  }

  static constexpr std::size_t most_on_stack = 256;  // blocks of a bulk get that is a hit
  static constexpr std::size_t at_once = 32;         // blocks on the stack between two lists

  // The cold paths. They are never inlined, and called last, so that a hit saves no registers for
  // them. They take no buffer as an argument: it could not stay in registers then.
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
  TARN_COLD void deallocate_slowly(void* p, std::size_t size, std::size_t alignment) noexcept {
    core().give_cold(p, size, alignment, detail::core_settings::no_limit, true);
  }
};

/// The default pool of the program. It is never destroyed, so static constructors and destructors
/// may use it.
[[nodiscard]] TARN_FORCE_INLINE byte_pool<>& default_pool() {
  return detail::first_use<byte_pool<>>::get(
      [](void* memory) { return ::new (memory) byte_pool<>(options{.name = "default"}); });
}

}  // namespace tarn
