// SPDX-License-Identifier: MIT
//
// ring_queue: the last values that any number of threads pushed.
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
/// Nobody waits for anybody: a value whose place is just being written by another thread is
/// dropped, which happens only to a thread that was overtaken by, or has overtaken, all others by a
/// whole ring. A copy holds whole values only: what is being written is left out.
///
/// Thread safety: all but constructor and destructor, from any thread.
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

  /// Puts a value behind the newest; a full ring forgets the oldest. Complexity: O(1), two atomic
  /// read-modify-writes.
  void push(const T& value) noexcept {
    // relaxed: a ticket only names a slot; the slot's own sequence orders what is in it.
    const std::uint64_t ticket = next_.fetch_add(1, std::memory_order::relaxed);
    slot& s = slots_[ticket % capacity_];
    // relaxed: a guess; the exchange decides.
    std::uint64_t seen = s.sequence.load(std::memory_order::relaxed);
    // (1) acquire, pairs with (3): the words of the last writer come before those of this one.
    if ((seen & 1) != 0 || seen > written(ticket) ||
        !s.sequence.compare_exchange_strong(seen, written(ticket) - 1, std::memory_order::acquire,
                                            std::memory_order::relaxed)) {
      return;  // somebody is writing here, or has written something newer
    }
    words_type words{};
    std::memcpy(words.data(), &value, sizeof(T));
    for (std::size_t i = 0; i != words_per_value; ++i) {
      // (2) release, pairs with (5): who reads this word sees the odd sequence before it.
      s.words[i].store(words[i], std::memory_order::release);
    }
    s.sequence.store(written(ticket), std::memory_order::release);  // (3) pairs with (1) and (4)
  }

  /// A copy, oldest first; empty if there is nothing. Under load without what is being written.
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> copy;
    // relaxed: how far to look; what is there tells the sequence of each slot.
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

  /// How many of the newest values it holds; under load with those that are being written.
  [[nodiscard]] std::size_t size() const noexcept {
    const auto end = next_.load(std::memory_order::relaxed);  // a number of some moment ago
    return static_cast<std::size_t>(end - first_before(end));
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool full() const noexcept { return size() == capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// Forgets what was pushed before. What is pushed at the same time may stay or go.
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
    atomic<std::uint64_t> sequence{0};  // odd while it is written, else that of its value
    atomic<std::uint64_t> words[words_per_value];
  };

  [[nodiscard]] static std::size_t checked(std::size_t capacity) {
    if (capacity == 0) detail::throw_invalid("ring capacity", capacity, "must be at least", 1);
    return capacity;
  }
  /// The sequence of a slot that holds the value of a ticket.
  [[nodiscard]] static constexpr std::uint64_t written(std::uint64_t ticket) noexcept {
    return 2 * ticket + 2;
  }
  /// The oldest ticket that counts if `end` is the next.
  [[nodiscard]] std::uint64_t first_before(std::uint64_t end) const noexcept {
    const auto oldest = end < capacity_ ? 0 : end - capacity_;
    const auto cleared = cleared_.load(std::memory_order::relaxed);  // a bound, seen late or not
    return cleared < oldest ? oldest : cleared < end ? cleared : end;
  }
  /// Returns: false unless the slot holds the value of that sequence, and held it all the time.
  [[nodiscard]] static bool read(const slot& s, std::uint64_t sequence,
                                 words_type& words) noexcept {
    if (s.sequence.load(std::memory_order::acquire) != sequence) return false;  // (4), with (3)
    for (std::size_t i = 0; i != words_per_value; ++i)
      words[i] = s.words[i].load(std::memory_order::acquire);  // (5) pairs with (2)
    // relaxed: after a word of another value, (5) has made its odd sequence visible.
    return s.sequence.load(std::memory_order::relaxed) == sequence;
  }

  std::size_t capacity_;
  slot* slots_;
  alignas(detail::no_sharing_alignment) atomic<std::uint64_t> next_{0};
  atomic<std::uint64_t> cleared_{0};  // tickets before this one are forgotten
};

}  // namespace tarn
