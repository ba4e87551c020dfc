// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/shared/high_water.hpp>

namespace tarn::detail {

/// The result of an attempt to reserve permits.
enum class reserved : std::uint8_t { granted, too_many, in_use, closed };

/// A counting semaphore whose waits may have a deadline. It outlives its owner until the last
/// permit is home.
///
/// Some of its permits can be reserved: they move to a child, a semaphore of their own, and come
/// back one by one after the child's owner is gone.
///
/// All of its state is one word, so that a thread that begins to wait and a thread that gives can't
/// miss each other: both change it by an exchange. Taking and giving are one read-modify-write each
/// while no thread waits.
template <class Env>
class permits {
 public:
  static constexpr std::uint64_t most = 0xffff'ffff;
  static constexpr std::int64_t never = INT64_MAX;

  explicit permits(std::uint32_t total) noexcept : word_(total), total_(total) {}
  permits(const permits&) = delete;
  permits& operator=(const permits&) = delete;

  /// Takes `count` permits, all or none. Returns: false if fewer are free, or after `close`.
  [[nodiscard]] bool try_take(std::uint32_t count = 1) noexcept {
    std::uint32_t taken = 0;
    return try_take(count, taken);
  }
  /// Sets `taken` to the permits that were taken then, with these: for `peak`.
  [[nodiscard]] bool try_take(std::uint32_t count, std::uint32_t& taken) noexcept {
    auto now = word_.load(std::memory_order::relaxed);  // a guess; the exchange decides
    while (free_of(now) >= count && (now & closed) == 0) {
      // (2) acquire, pairs with (1): the permit's last holder is done.
      if (word_.compare_exchange_weak(now, now - count, std::memory_order::acquire,
                                      std::memory_order::relaxed)) {
        taken = total_ - free_of(now) + count;
        return true;
      }
    }
    return false;
  }

  /// Takes one permit, and waits if no permit is free. Returns: false if the deadline passed first,
  /// or after `close`. `taken`: as for `try_take`.
  [[nodiscard]] bool take_until(std::int64_t deadline, std::uint32_t& taken) noexcept {
    if (try_take(1, taken)) return true;
    auto old = word_.load(std::memory_order::relaxed);  // a guess; the exchange decides
    do {
      if ((old & waiters) == waiters) return false;  // as many threads wait as can be counted
      // relaxed: from here on a thread that gives finds a waiter in the word that it exchanges.
    } while (!word_.compare_exchange_weak(old, old + waiter, std::memory_order::relaxed,
                                          std::memory_order::relaxed));
    for (bool in_time = true;;) {
      // Read before the word: a thread that gives after that changes `gifts_`. (4) pairs with (3).
      const auto heard = gifts_.load(std::memory_order::acquire);
      auto now = word_.load(std::memory_order::relaxed);  // a guess; the exchange decides
      while (free_of(now) != 0 || !in_time || (now & closed) != 0) {
        // Looking and leaving are one step: a wake that this thread used up is not lost, since it
        // leaves without a permit only if no permit is free.
        const unsigned count = free_of(now) != 0 && (now & closed) == 0 ? 1 : 0;
        if (word_.compare_exchange_weak(now, now - waiter - count,
                                        std::memory_order::acquire,  // (2)
                                        std::memory_order::relaxed)) {
          taken = total_ - free_of(now) + count;
          return count != 0;
        }
      }
      in_time = Env::wait_until(gifts_, heard, deadline);
    }
  }

  /// Gives permits back and wakes threads that wait for them. It may end the semaphore.
  /// Complexity: O(1), however many they are.
  void give(std::uint32_t count = 1) noexcept {
    auto now = word_.load(std::memory_order::relaxed);  // a guess; the exchange decides
    bool quiet = true;
    do {
      quiet = (now & (waiters | ended)) == 0;
      // (1) release: what this holder did happens before what the next holder does. acquire, for
      // the last thread, which ends it: all others are done. Pairs with itself and with (2).
    } while (!word_.compare_exchange_weak(now, now + count + (quiet ? 0 : busy),
                                          std::memory_order::acq_rel, std::memory_order::relaxed));
    if (!quiet) pass_on(count, (now & ended) != 0);
  }

  /// Moves permits to `child`, which was made with their number.
  [[nodiscard]] reserved reserve(permits& child) noexcept {
    const guard<mutex> hold(lock_);
    if (child.total() > total() - reserved_) return reserved::too_many;
    if ((word_.load(std::memory_order::relaxed) & closed) != 0)
      return reserved::closed;  // under the lock
    std::uint32_t taken = 0;
    if (!try_take(child.total(), taken)) return reserved::in_use;
    peak.note(taken);
    reserved_ = reserved_ + child.total();
    child.parent_ = this;
    permits* const first = children_;
    child.next_ = first;
    if (first != nullptr) first->previous_ = &child;
    children_ = &child;
    return reserved::granted;
  }
  [[nodiscard]] std::uint32_t total() const noexcept { return total_; }
  /// The permits that are taken at this moment, those of children included.
  [[nodiscard]] std::uint32_t in_use() const noexcept {
    return total_ - free_of(word_.load(std::memory_order::relaxed));  // a statistic
  }
  /// The most permits that were taken at once, as far as takes were noted: those that were of use.
  /// What is noted comes from the exchange that took. The word read later would miss a permit that
  /// came back meanwhile.
  high_water<Env, std::uint32_t> peak;

  /// Whether all permits are taken at this moment.
  [[nodiscard]] bool is_empty() const noexcept {
    return free_of(word_.load(std::memory_order::relaxed)) == 0;  // for a text
  }
  /// The permits of all children whose owners are still there.
  [[nodiscard]] std::uint32_t reserved_total() noexcept {
    return locked(lock_, [&] { return std::uint32_t{reserved_}; });
  }

  /// No permit can be taken any more. Threads that wait, also at the children, leave without one.
  void close() noexcept {
    const guard<mutex> hold(lock_);
    turn_away();
    for (permits* c = children_; c != nullptr; c = c->next_)
      c->turn_away();
  }

  /// To be called when the owner is gone. The last permit that comes home frees the semaphore.
  /// Preconditions: no thread waits, and no thread will take.
  void end() noexcept {
    if (parent_ != nullptr) locked(parent_->lock_, [&] { leave_family(); });
    // acq_rel: as in `give`.
    const auto before = word_.fetch_add(ended | busy, std::memory_order::acq_rel);
    pass_on(free_of(before), true);
  }

 private:
  using mutex = typename Env::mutex;
  template <class T>
  using cell = typename Env::template cell<T>;

  // The word: free permits in the lower half; above them up to 65535 waiting threads, up to 16383
  // threads that are still giving (the semaphore stays for them), and the bits `closed` and
  // `ended`.
  static constexpr std::uint64_t waiter = std::uint64_t{1} << 32;
  static constexpr std::uint64_t busy = std::uint64_t{1} << 48;
  static constexpr std::uint64_t waiters = busy - waiter;
  static constexpr std::uint64_t closed = std::uint64_t{1} << 62;
  static constexpr std::uint64_t ended = std::uint64_t{1} << 63;

  ~permits() = default;

  [[nodiscard]] static std::uint32_t free_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word);
  }

  /// Finishes a give, after permits came home and `busy` was added.
  void pass_on(std::uint32_t count, bool over) noexcept {
    if (!over) {
      gifts_.fetch_add(1, std::memory_order::release);  // (3) pairs with (4)
      count == 1 ? Env::wake_one(gifts_) : Env::wake_all(gifts_);
    } else if (parent_ != nullptr && count != 0) {
      parent_->give(count);
    }
    const auto over_at =
        ended | closed | total_;  // read now: after the next line others may free it
    // acq_rel: as in `give`.
    const auto now = word_.fetch_sub(busy, std::memory_order::acq_rel) - busy;
    if ((now | closed) == over_at) delete this;
  }

  void turn_away() noexcept {
    // relaxed: nothing is handed over. Threads that wait look again because of the next line.
    word_.fetch_or(closed, std::memory_order::relaxed);
    gifts_.fetch_add(1, std::memory_order::release);  // (3)
    Env::wake_all(gifts_);
  }

  /// Leaves the parent's list. The parent's lock is held.
  void leave_family() noexcept {
    parent_->reserved_ = parent_->reserved_ - total_;
    permits* const before = previous_;
    permits* const after = next_;
    (before != nullptr ? before->next_ : parent_->children_) = after;
    if (after != nullptr) after->previous_ = before;
  }

  typename Env::template atomic<std::uint64_t> word_;
  typename Env::template atomic<std::uint32_t> gifts_{0};  // changes before a thread is woken
  cell<std::uint32_t> total_;                              // immutable, as is `parent_`
  permits* parent_ = nullptr;
  cell<permits*> next_{nullptr};  // with previous_: guarded by the parent's lock
  cell<permits*> previous_{nullptr};
  mutex lock_;  // guards the next two
  cell<permits*> children_{nullptr};
  cell<std::uint32_t> reserved_{0};
};

}  // namespace tarn::detail
