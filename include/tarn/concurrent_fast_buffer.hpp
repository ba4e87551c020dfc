// SPDX-License-Identifier: MIT
//
// concurrent_fast_buffer: a fast_buffer for several threads. Each append stays in one piece.
//
//   tarn::concurrent_fast_buffer log;
//   log.append("from any thread\n");
//   tarn::buffer all = log.take();  // the content; other threads go on appending

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/shared/append_room.hpp>
#include <tarn/detail/writing/growth.hpp>
#include <tarn/detail/writing/pieces.hpp>
#include <tarn/detail/writing/sum.hpp>
#include <tarn/detail/writing/wire.hpp>
#include <tarn/detail/writing/write_record.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/stats.hpp>
#include <tarn/value/fast_buffer_options.hpp>

namespace tarn {

namespace detail {

template <class Stats, class Counter,
          class Recorder = typename recorder_of_writer<Stats, Counter>::type>
using write_record_for =
    std::conditional_t<std::same_as<Recorder, typename no_stats::template recorder<Counter>>,
                       no_write_record<Recorder>, write_record<Recorder>>;

}  // namespace detail

/// A growable sequence of bytes that any thread may append to. `Lock` guards growth and `take`;
/// `thread_cached<L>` means `L`, and `lock_free` means a mutex.
///
/// An append that fits copies its bytes without a lock. An append that does not fit holds `Lock`
/// while it asks the pool and moves the content, so for large content `Lock` should sleep. If the
/// pool refuses to double the capacity, it takes what the pool has, as fast_buffer.
/// `keep_bytes` and `front_bytes` have no effect here. There are no views: another thread could
/// take their bytes.
///
/// Preconditions: the pool is concurrent and outlives every append. A child of fork does not use it
/// if another thread was appending during the fork: the child would wait for that thread.
/// Thread safety: any thread may call any member except constructor and destructor.
template <class Lock, class Stats, class Traits>
class basic_concurrent_fast_buffer {
  static_assert(detail::right_policies<Lock, Stats>);
  static_assert(is_concurrent_v<Lock>,
                "concurrent_fast_buffer: its lock must be one for several threads; with one owner "
                "it is a basic_fast_buffer");
  static_assert(
      requires { typename Traits::pool_type; },
      "concurrent_fast_buffer: the third argument must be tarn::fast_buffer_traits<Pool>");
  static_assert(
      is_concurrent_v<typename Traits::pool_type::lock_type>,
      "concurrent_fast_buffer: what several threads append to needs a pool for several threads");
  static_assert(Traits::inline_bytes == 0,
                "concurrent_fast_buffer: only one with a single owner has storage of its own");

 public:
  using lock_type = Lock;
  using stats_type = Stats;
  using traits_type = Traits;
  using pool_type = typename Traits::pool_type;
  using buffer = typename pool_type::buffer;

 private:
  using traits_of_lock = lock_traits<Lock>;
  using record_type =
      detail::write_record_for<Stats, detail::shared_counter<typename traits_of_lock::env>>;

 public:
  /// Grows in `default_pool()`, which is not used before the first byte.
  basic_concurrent_fast_buffer() noexcept
    requires std::same_as<pool_type, byte_pool<>>
      : basic_concurrent_fast_buffer(nullptr, {}) {}
  explicit basic_concurrent_fast_buffer(fast_buffer_options o) noexcept
    requires std::same_as<pool_type, byte_pool<>>
      : basic_concurrent_fast_buffer(nullptr, o) {}
  /// Grows in `pool`.
  explicit basic_concurrent_fast_buffer(pool_type& pool, fast_buffer_options o = {}) noexcept
      : basic_concurrent_fast_buffer(&pool, o) {}
  basic_concurrent_fast_buffer(const basic_concurrent_fast_buffer&) = delete;
  basic_concurrent_fast_buffer& operator=(const basic_concurrent_fast_buffer&) = delete;
  ~basic_concurrent_fast_buffer() {
    const auto held = size();
    report(held);
    record_.end_content(held);
    record_.drop_block(room_.block());
  }

  /// Appends bytes as one piece.
  ///
  /// Throws: `std::length_error`, with size and limit, if the content would be larger than
  ///   `max_bytes`; as `byte_pool::get` if there is no memory. Nothing is appended then.
  void append(std::span<const std::byte> bytes) { append(bytes, {}); }
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  /// Appends `first` and `second` as one piece, for example a header and its payload.
  void append(std::span<const std::byte> first, std::span<const std::byte> second) {
    const auto make = [this](std::size_t held, std::size_t n, std::size_t capacity) {
      if (n > max_size() - held) {
        detail::throw_too_long("fast_buffer size", held, n, "max_bytes", max_size());
      }
      buffer larger = try_take_wanted(pool(), held + n, capacity);
      return larger ? std::move(larger) : pool().get_at_least(held + n);
    };
    static_cast<void>(append_with(first, second, make));
  }
  void append(std::string_view first, std::string_view second) {
    append(std::as_bytes(std::span(first)), std::as_bytes(std::span(second)));
  }
  /// Appends the number of bytes as a varint, and then the bytes, as one piece.
  void append_prefixed(std::span<const std::byte> bytes) {
    const detail::varint wire(bytes.size());
    append({wire.bytes, wire.size}, bytes);
  }
  void append_prefixed(std::string_view text) { append_prefixed(std::as_bytes(std::span(text))); }
  /// As `append`, but returns false instead of throwing.
  [[nodiscard]] bool try_append(std::span<const std::byte> first,
                                std::span<const std::byte> second = {}) noexcept {
    const auto make = [this](std::size_t held, std::size_t n, std::size_t capacity) -> buffer {
      if (n > max_size() - held) return {};
      try {
        buffer larger = try_take_wanted(pool(), held + n, capacity);
        return larger ? std::move(larger) : pool().try_get_at_least(held + n);
      } catch (const std::bad_alloc&) {
        return {};  // there is no memory for the default pool
      }
    };
    return append_with(first, second, make);
  }
  [[nodiscard]] bool try_append(std::string_view first, std::string_view second = {}) noexcept {
    return try_append(std::as_bytes(std::span(first)), std::as_bytes(std::span(second)));
  }

  /// Takes the content, which consists of whole pieces, as a buffer of that size; an empty buffer
  /// if there is no content. Waits for pieces that are being written. Copies nothing.
  [[nodiscard]] buffer take() {
    auto [taken, held] = room_.take([this](std::size_t n) {
      counts_.dropped(n, n);
      memory_.forget_refusal();
    });
    if (held == 0) return {};
    report(held);
    record_.end_content(held);
    record_.drop_block(taken);
    taken.resize(held);
    return std::move(taken);
  }

  /// The number of bytes in the content, with pieces that are being written.
  [[nodiscard]] std::size_t size() const {
    return room_.read([](std::size_t held) { return held; });
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::size_t max_size() const noexcept { return room_.most(); }
  /// The counts of its whole life.
  [[nodiscard]] fast_buffer_numbers numbers() const
    requires(Stats::counts)
  {
    return room_.read([this](std::size_t held) { return counts_.read(held); });
  }
  /// The sizes of the contents that ended, and the blocks that it took, in its whole life; for
  /// `recording_stats`.
  [[nodiscard]] fast_buffer_history history() const
    requires requires(fast_buffer_history& h, const record_type& r) { r.recorder().collect(h); }
  {
    return record_.template history<fast_buffer_history>();
  }
  /// Calls `action(recorder)` for the recorder of the stats policy. The buffer tells it of a block
  /// or a content after that happened, and holds no lock then.
  template <class Action>
  void for_each_recorder(Action&& action) const {
    action(record_.recorder());
  }

 private:
  basic_concurrent_fast_buffer(pool_type* pool, fast_buffer_options o) noexcept
      : room_(detail::min_of(o.max_bytes, detail::max_size)), pool_(pool), options_(o) {
    options_.max_bytes = room_.most();
  }

  template <class Make>
  [[nodiscard]] bool append_with(std::span<const std::byte> first,
                                 std::span<const std::byte> second, const Make& make) {
    const auto n = detail::size_together(first.size(), second.size());
    if (n == 0) return true;
    typename record_type::growth growth;
    const auto carry = [&](buffer& to, const buffer& from, std::size_t held) {
      growth.note(to, from, held + n);
      counts_.grown();
      memory_.forget_refusal();
      detail::copy_bytes(to.data(), from.data(), held);
    };
    const bool done = room_.append(n, make, carry, [&](buffer& block, std::size_t offset) {
      std::byte* const at = block.data() + offset;
      detail::copy_bytes(at, first.data(), first.size());
      detail::copy_bytes(at + first.size(), second.data(), second.size());
    });
    record_.tell(growth);
    return done;
  }
  /// Takes a larger block than the one of `needed` bytes. Under the lock.
  [[nodiscard]] buffer try_take_wanted(pool_type& from, std::size_t needed,
                                       std::size_t capacity) noexcept {
    if (!memory_.may_ask()) {
      memory_.pass();
      return {};
    }
    const auto usual = detail::usual_capacity(options_, capacity, capacity == 0);
    const auto wanted = detail::min_of(detail::max_of(needed, usual), max_size());
    if (capacity == 0) return detail::try_take_first(from, wanted, needed);
    buffer larger = detail::try_take_above(from, wanted, needed, from.capacity_for(needed));
    if (!larger) memory_.refused();
    return larger;
  }
  [[nodiscard]] pool_type& pool() const {
    if constexpr (std::same_as<pool_type, byte_pool<>>) {
      if (pool_ == nullptr) return default_pool();
    }
    return *pool_;
  }
  void report(std::size_t held) noexcept {
    if (options_.hint != nullptr) options_.hint->report(held);
  }

  detail::append_room<typename traits_of_lock::env, typename traits_of_lock::depot_lock, buffer>
      room_;
  pool_type* pool_;  // null: the default pool
  fast_buffer_options options_;
  TARN_NO_UNIQUE_ADDRESS std::conditional_t<Stats::counts, detail::write_counts,
                                            detail::no_write_counts>
      counts_;                    // under the lock
  detail::growth_memory memory_;  // under the lock; its peak is not used
  TARN_NO_UNIQUE_ADDRESS record_type record_;
};

/// The fast buffer for a lock policy: for several threads if `Lock` is concurrent, else for one.
template <class Lock, class Stats = counting_stats, class Traits = fast_buffer_traits<>>
using fast_buffer_for =
    std::conditional_t<is_concurrent_v<Lock>, basic_concurrent_fast_buffer<Lock, Stats, Traits>,
                       basic_fast_buffer<Lock, Stats, Traits>>;

}  // namespace tarn
