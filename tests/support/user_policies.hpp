// SPDX-License-Identifier: MIT
//
// Policies as a user writes them: they neither derive from nor befriend the library's internals.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include <tarn/policy/stats.hpp>

namespace test {

/// A Lockable that counts how often any lock of its kind was taken.
class counting_lock {
 public:
  void lock() {
    mutex_.lock();
    taken.fetch_add(1, std::memory_order::relaxed);
  }
  bool try_lock() {
    if (!mutex_.try_lock()) return false;
    taken.fetch_add(1, std::memory_order::relaxed);
    return true;
  }
  void unlock() { mutex_.unlock(); }

  static inline std::atomic<std::uint64_t> taken{0};

 private:
  std::mutex mutex_;
};

/// A stats policy that also sums up the requested bytes.
struct byte_stats : tarn::counting_stats {
  template <class Counter>
  struct recorder {
    void on_get(std::uint32_t, std::size_t size) noexcept { asked.add(size); }
    void on_put(std::uint32_t) noexcept { returned.add(1); }
    void on_oversize(std::size_t size) noexcept { asked.add(size); }
    Counter asked;
    Counter returned;
  };
};

}  // namespace test
