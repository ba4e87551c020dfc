// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tarn/detail/base/align.hpp>

namespace tarn::detail {

/// Addresses of large blocks that came back lately. They distinguish a block that comes back twice
/// from memory that no pool gave.
///
/// The newest eight of each place stay: 512 in all, if they are spread evenly. A block that was
/// handed out again is not looked up here.
///
/// Thread safety: all functions, from any thread. Two threads that note at once may lose one
/// address; the words are only compared, never followed.
template <class Env>
class returned_extents {
  static constexpr std::size_t places = 64;
  static constexpr std::size_t ways = 8;
  using word = typename Env::template atomic<std::uintptr_t>;

 public:
  void note(const void* block) noexcept {
    auto moved = reinterpret_cast<std::uintptr_t>(block);
    for (word& each : at(block)) {  // to the front; the others move back by one
      const auto was = each.load(std::memory_order::relaxed);
      each.store(moved, std::memory_order::relaxed);
      if (was == reinterpret_cast<std::uintptr_t>(block)) return;
      moved = was;
    }
  }
  [[nodiscard]] bool knows(const void* block) noexcept {
    for (const word& each : at(block)) {
      if (each.load(std::memory_order::relaxed) == reinterpret_cast<std::uintptr_t>(block)) {
        return true;
      }
    }
    return false;
  }

 private:
  using row = word[ways];

  [[nodiscard]] row& at(const void* block) noexcept {
    const std::uint64_t number = reinterpret_cast<std::uintptr_t>(block);
    // Fibonacci hashing: blocks lie at equal distances. The upper bits are the good ones.
    return rows_[(number * 0x9e37'79b9'7f4a'7c15u) >> 32 & (places - 1)];
  }

  row rows_[places] = {};
};

/// For a pool that checks nothing.
struct no_returned_extents {
  static void note(const void*) noexcept {}
  [[nodiscard]] static bool knows(const void*) noexcept { return false; }
};

template <class Config>
using returned_extents_of =
    std::conditional_t<Config::checks, returned_extents<typename Config::env>, no_returned_extents>;

}  // namespace tarn::detail
