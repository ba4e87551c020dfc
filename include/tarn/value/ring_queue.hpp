// SPDX-License-Identifier: MIT
//
// ring_queue: the last values that any number of threads pushed, without a lock.
//
//   tarn::ring_queue<std::size_t> recent(256);
//   recent.push(1500);                            // never waits; overwrites the oldest
//   std::vector<std::size_t> seen = recent.values();

#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// A ring of the newest values, without a lock. `T`: trivially copyable, of any size.
///
/// No thread waits for another. If another thread is writing to its slot, a value is dropped; that
/// happens only if one of the two threads is a whole ring ahead of the other. A copy has only
/// complete values: it skips slots that are being written.
///
/// Thread safety: any thread may call any member except constructor and destructor.
/// Source: a sequence lock per slot, with the values in atomic words (Boehm, "Can seqlocks get
/// along with programming language memory models?", 2012).
template <class T, class Env>
class ring_queue {
  static_assert(std::is_trivially_copyable_v<T>,
                "ring_queue: values are copied as words; take a locked_ring_queue for others");

 public:
  using value_type = T;

  /// Throws: `std::invalid_argument` for a capacity of 0; `std::bad_alloc`.
  explicit ring_queue(std::size_t capacity)
      : capacity_(checked(capacity)), slots_(new slot[capacity]) {}
  ring_queue(const ring_queue&) = delete;
  ring_queue& operator=(const ring_queue&) = delete;
  ~ring_queue() { delete[] slots_; }

  /// Adds a value. A full ring drops the oldest. Complexity: O(1), two atomic read-modify-writes.
  void push(const T& value) noexcept {
    // relaxed: a ticket only names a slot; the sequence of the slot orders its value.
    const std::uint64_t ticket = next_.fetch_add(1, std::memory_order::relaxed);
    slot& s = slots_[ticket % capacity_];
    // relaxed: a guess; the exchange decides.
    std::uint64_t seen = s.sequence.load(std::memory_order::relaxed);
    // (1) acquire, pairs with (3): the words of the last writer come before those of this writer.
    if ((seen & 1) != 0 || seen > written(ticket) ||
        !s.sequence.compare_exchange_strong(seen, written(ticket) - 1, std::memory_order::acquire,
                                            std::memory_order::relaxed)) {
      return;  // another thread is writing here, or has written a newer value
    }
    words_type words{};
    std::memcpy(words.data(), &value, sizeof(T));
    for (std::size_t i = 0; i != words_per_value; ++i) {
      // (2) release, pairs with (5): a reader of this word sees the odd sequence before it.
      s.words[i].store(words[i], std::memory_order::release);
    }
    s.sequence.store(written(ticket), std::memory_order::release);  // (3) pairs with (1) and (4)
  }

  /// Returns: a copy of all values, oldest first, without values that are being written.
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> copy;
    // relaxed: only bounds the search; the sequence of each slot tells whether it holds its value.
    const auto end = next_.load(std::memory_order::relaxed);
    auto ticket = first_before(end);
    copy.reserve(static_cast<std::size_t>(end - ticket));
    for (; ticket != end; ++ticket) {
      words_type words;
      if (read(slots_[ticket % capacity_], written(ticket), words)) {
        std::array<std::byte, sizeof(T)> bytes;
        std::memcpy(bytes.data(), words.data(), sizeof(T));
        copy.push_back(std::bit_cast<T>(bytes));
      }
    }
    return copy;
  }

  /// The number of values that it holds, with those that are being written.
  [[nodiscard]] std::size_t size() const noexcept {
    const auto end = next_.load(std::memory_order::relaxed);  // may be outdated
    return static_cast<std::size_t>(end - first_before(end));
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool full() const noexcept { return size() == capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// Drops all values that were pushed before. A value that is pushed meanwhile may stay or go.
  void clear() noexcept {
    const auto end = next_.load(std::memory_order::relaxed);  // as in `size`
    auto old = cleared_.load(std::memory_order::relaxed);     // a guess; the exchange decides
    while (old < end && !cleared_.compare_exchange_weak(old, end, std::memory_order::relaxed,
                                                        std::memory_order::relaxed)) {
    }
  }

 private:
  template <class U>
  using atomic = typename Env::template atomic<U>;

  static constexpr std::size_t words_per_value = (sizeof(T) + 7) / 8;
  using words_type = std::array<std::uint64_t, words_per_value>;

  struct slot {
    atomic<std::uint64_t> sequence{0};  // odd during a write, else that of its value
    atomic<std::uint64_t> words[words_per_value];
  };

  [[nodiscard]] static std::size_t checked(std::size_t capacity) {
    if (capacity == 0) detail::throw_invalid("ring capacity", capacity, "must be at least", 1);
    return capacity;
  }
  /// The sequence of a slot that holds the value of `ticket`.
  [[nodiscard]] static constexpr std::uint64_t written(std::uint64_t ticket) noexcept {
    return 2 * ticket + 2;
  }
  /// The oldest valid ticket if `end` is the next one.
  [[nodiscard]] std::uint64_t first_before(std::uint64_t end) const noexcept {
    const auto oldest = end < capacity_ ? 0 : end - capacity_;
    const auto cleared = cleared_.load(std::memory_order::relaxed);  // a bound, maybe outdated
    return cleared < oldest ? oldest : cleared < end ? cleared : end;
  }
  /// Returns: true if the slot held the value of that sequence during the whole read.
  [[nodiscard]] static bool read(const slot& s, std::uint64_t sequence,
                                 words_type& words) noexcept {
    if (s.sequence.load(std::memory_order::acquire) != sequence) return false;  // (4), with (3)
    for (std::size_t i = 0; i != words_per_value; ++i)
      words[i] = s.words[i].load(std::memory_order::acquire);  // (5) pairs with (2)
    // relaxed: if (5) read a word of another value, it has made that odd sequence visible.
    return s.sequence.load(std::memory_order::relaxed) == sequence;
  }

  std::size_t capacity_;
  slot* slots_;
  alignas(detail::no_sharing_alignment) atomic<std::uint64_t> next_{0};
  atomic<std::uint64_t> cleared_{0};  // tickets before this one are dropped
};

}  // namespace tarn
