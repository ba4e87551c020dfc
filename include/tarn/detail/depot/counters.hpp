// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>

namespace tarn::detail {

/// A number that one thread at a time changes and any thread reads, without read-modify-writes.
template <class Env>
class owned_counter {
 public:
  /// Returns: the value before.
  std::uint64_t add(std::uint64_t n) noexcept {
    // relaxed, here and below: a statistic, which orders no other data.
    const auto old = value_.load(std::memory_order::relaxed);
    value_.store(old + n, std::memory_order::relaxed);
    return old;
  }
  [[nodiscard]] std::uint64_t read() const noexcept {
    return value_.load(std::memory_order::relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order::relaxed); }

 private:
  typename Env::template atomic<std::uint64_t> value_{0};
};

/// A number for one thread.
class plain_counter {
 public:
  /// Returns: the value before.
  std::uint64_t add(std::uint64_t n) noexcept { return (value_ += n) - n; }
  [[nodiscard]] std::uint64_t read() const noexcept { return value_; }
  void set(std::uint64_t n) noexcept { value_ = n; }

 private:
  std::uint64_t value_ = 0;
};

/// A number that any thread changes and reads. Not suitable for synchronisation.
template <class Env>
class shared_counter {
 public:
  /// Returns: the value before.
  std::uint64_t add(std::uint64_t n) noexcept {
    return value_.fetch_add(n, std::memory_order::relaxed);  // relaxed: a statistic
  }
  [[nodiscard]] std::uint64_t read() const noexcept {
    return value_.load(std::memory_order::relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order::relaxed); }

 private:
  typename Env::template atomic<std::uint64_t> value_{0};
};

/// Gets and puts of the lock-free shape, which has no shards. Mostly each thread adds to a cell of
/// its own.
template <class Env>
class striped_counts {
 public:
  static constexpr std::size_t stripes = 16;

  struct alignas(no_sharing_alignment) stripe {
    typename Env::template atomic<std::uint64_t> gets{0};
    typename Env::template atomic<std::uint64_t> puts{0};
  };

  void get(std::uint64_t n = 1) noexcept {
    // relaxed: the hand-over of the block from its getter to its putter orders this get before the
    // put of that block.
    mine().gets.fetch_add(n, std::memory_order::relaxed);
  }
  void put() noexcept {
    // (1) release, pairs with (2): a thread that sees this put sees the get before it.
    mine().puts.fetch_add(1, std::memory_order::release);
  }

  /// Takes back a put that was counted in advance and did not happen.
  void unput() noexcept { mine().puts.fetch_sub(1, std::memory_order::relaxed); }
  /// The puts, where some are counted in advance. Never fewer than an earlier call returned.
  [[nodiscard]] std::uint64_t shown_puts() noexcept {
    const auto now = puts();
    auto shown = shown_.load(std::memory_order::relaxed);  // a statistic: it orders nothing
    while (shown < now && !shown_.compare_exchange_weak(shown, now, std::memory_order::relaxed,
                                                        std::memory_order::relaxed)) {
    }
    return max_of(shown, now);
  }

  [[nodiscard]] std::uint64_t puts() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& s : cells_)
      sum += s.puts.load(std::memory_order::acquire);  // (2)
    return sum;
  }
  [[nodiscard]] std::uint64_t gets() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& s : cells_)
      sum += s.gets.load(std::memory_order::relaxed);  // read last
    return sum;
  }

 private:
  [[nodiscard]] stripe& mine() noexcept { return cells_[Env::stripe() % stripes]; }

  stripe cells_[stripes];
  typename Env::template atomic<std::uint64_t> shown_{0};
};

/// Gets and puts for one thread: two plain numbers.
class owned_counts {
 public:
  void get(std::uint64_t n = 1) noexcept { gets_ += n; }
  void put() noexcept { ++puts_; }
  void unput() noexcept { --puts_; }
  [[nodiscard]] std::uint64_t shown_puts() const noexcept { return puts_; }
  [[nodiscard]] std::uint64_t puts() const noexcept { return puts_; }
  [[nodiscard]] std::uint64_t gets() const noexcept { return gets_; }

 private:
  std::uint64_t gets_ = 0;
  std::uint64_t puts_ = 0;
};

/// Counts nothing, for stats policies that don't count.
struct no_counts {
  static void get(std::uint64_t = 1) noexcept {}
  static void put() noexcept {}
  static void unput() noexcept {}
  [[nodiscard]] static std::uint64_t shown_puts() noexcept { return 0; }
  [[nodiscard]] static std::uint64_t puts() noexcept { return 0; }
  [[nodiscard]] static std::uint64_t gets() noexcept { return 0; }
};

}  // namespace tarn::detail
