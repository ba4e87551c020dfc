// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "arguments.hpp"

namespace pipeline {

inline constexpr std::array<std::string_view, 4> lock_names{"thread_cached", "mutex", "spin_lock",
                                                            "lock_free"};
inline constexpr std::array<std::string_view, 3> stats_names{"no_stats", "counting_stats",
                                                             "recording_stats"};

struct options {
  std::string path = "/usr/include";
  unsigned threads = 0;  ///< workers between producer and sink; parse sets the default
  unsigned rounds = 5;
  std::size_t lock = 0;   ///< into lock_names
  std::size_t stats = 1;  ///< into stats_names
  bool json = false;
  bool plant_lost_block = false;
  bool help = false;
};

/// Throws: `usage_error`.
[[nodiscard]] options parse(std::span<char* const> command_line);

[[nodiscard]] std::string usage();

}  // namespace pipeline
