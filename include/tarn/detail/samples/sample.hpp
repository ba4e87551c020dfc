// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/value/basic/call_site.hpp>

namespace tarn::detail {

/// A block in use that was chosen to be remembered.
struct sample {
  const void* block = nullptr;
  std::size_t size = 0;      // the requested size
  std::uint64_t weight = 0;  // how many gets it stands for
  std::int64_t since = 0;    // when it was taken, on the clock of the environment
  std::uint64_t id = 0;      // ascends with time
  call_site where;
};

/// From this weight on samples count as few: only one in so many is examined closely.
inline constexpr std::uint64_t few_samples = 4;
/// How many samples of a weight one that is timed stands for.
[[nodiscard]] constexpr std::uint64_t samples_per_time(std::uint64_t weight) noexcept {
  return weight < few_samples ? 1 : few_samples;
}

/// A ring of the user's that receives the sizes of a pool's requests too; null without one.
struct length_sink {
  void* ring = nullptr;
  void (*push)(void* ring, std::size_t size) noexcept = nullptr;
};

/// For pools that remember no blocks.
struct no_samples {
  [[nodiscard]] static constexpr bool may_know(const void*) noexcept { return false; }
  static void forget(const void*) noexcept {}
  [[nodiscard]] static call_site site_of(const void*) noexcept { return {}; }
  static void remember(const void*, std::size_t, std::uint64_t, no_call_site,
                       std::int64_t = 0) noexcept {}
  static void note_length(std::size_t) noexcept {}
};

}  // namespace tarn::detail
