// SPDX-License-Identifier: MIT
//
// Counts of the handles that share something. There are two types, so that no conversion takes a
// count that is not atomic to a second thread.

#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The result of dropping a reference by hand.
enum class dropped : std::uint8_t { dead, kept, last };

/// The references to something that any thread may hold. 64 bits: it can't overflow.
template <class Env>
class ref_count {
 public:
  /// The caller is the first holder.
  ref_count() noexcept = default;

  /// Adds `n` references. Preconditions: the caller holds one.
  void add(std::uint64_t n = 1) noexcept {
    count_.fetch_add(n, std::memory_order::relaxed);  // the caller's own reference orders it
  }
  /// Adds a reference without holding one. Returns: false if no reference is left; zero is
  /// terminal.
  [[nodiscard]] bool try_add() noexcept {
    auto now = count_.load(std::memory_order::relaxed);  // a guess; the exchange decides
    while (now != 0) {
      // relaxed: the way in which the caller learned of the object orders what it sees of it.
      if (count_.compare_exchange_weak(now, now + 1, std::memory_order::relaxed,
                                       std::memory_order::relaxed)) {
        return true;
      }
    }
    return false;
  }
  /// Drops the caller's reference. Returns: true if it was the last; only the caller can use the
  /// object then.
  ///
  /// The only holder needs no read-modify-write: no other thread could add or drop a reference.
  [[nodiscard]] bool drop() noexcept { return drop_alone() || drop_shared(); }
  /// The part of `drop` for the only holder. Returns: false if there are other holders; nothing has
  /// changed then.
  [[nodiscard]] bool drop_alone() noexcept {
    // (2) acquire, pairs with (1): what the other holders did happens before what follows.
    if (count_.load(std::memory_order::acquire) != 1) return false;
    count_.store(0, std::memory_order::relaxed);  // terminal, for try_add and try_drop
    return true;
  }
  /// The part of `drop` for one of several holders.
  [[nodiscard]] bool drop_shared() noexcept {
    // (1) release, for the last holder; acquire, to be the last: pairs with itself and with (2).
    return count_.fetch_sub(1, std::memory_order::acq_rel) == 1;
  }
  /// As `drop`, for callers who may be wrong about holding a reference.
  [[nodiscard]] dropped try_drop() noexcept {
    auto now = count_.load(std::memory_order::relaxed);  // a guess; the exchange decides
    while (now != 0) {
      if (count_.compare_exchange_weak(now, now - 1, std::memory_order::acq_rel,  // (1) and (2)
                                       std::memory_order::relaxed)) {
        return now == 1 ? dropped::last : dropped::kept;
      }
    }
    return dropped::dead;
  }

  /// True if the caller is the only holder: it may write. Preconditions: the caller holds a
  /// reference.
  [[nodiscard]] bool is_unique() const noexcept {
    return count_.load(std::memory_order::acquire) == 1;  // (2) pairs with (1)
  }
  /// The number of references; under load, that of some moment ago.
  [[nodiscard]] std::uint64_t count() const noexcept {
    return count_.load(std::memory_order::relaxed);  // a number to look at
  }
  /// Sets the count to one reference. Preconditions: no other thread can reach it.
  void restart() noexcept { count_.store(1, std::memory_order::relaxed); }

 private:
  typename Env::template atomic<std::uint64_t> count_{1};
};

/// References that stay on one thread: a plain number.
class plain_count {
 public:
  void add(std::uint64_t n = 1) noexcept { count_ += n; }
  [[nodiscard]] bool try_add() noexcept {
    if (count_ == 0) return false;
    ++count_;
    return true;
  }
  [[nodiscard]] bool drop() noexcept { return --count_ == 0; }
  [[nodiscard]] bool drop_alone() noexcept { return count_ == 1 && drop(); }
  [[nodiscard]] bool drop_shared() noexcept { return drop(); }
  [[nodiscard]] dropped try_drop() noexcept {
    if (count_ == 0) return dropped::dead;
    return drop() ? dropped::last : dropped::kept;
  }
  [[nodiscard]] bool is_unique() const noexcept { return count_ == 1; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  void restart() noexcept { count_ = 1; }

 private:
  std::uint64_t count_ = 1;
};

}  // namespace tarn::detail
