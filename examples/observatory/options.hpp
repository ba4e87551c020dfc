// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>

namespace observatory {

struct options {
  unsigned port = 8765;             ///< 0: any free port
  std::optional<unsigned> seconds;  ///< until a signal comes, if absent
  std::string path = "/usr/include";
  std::string pressure;  ///< the file of memory pressure; empty: the system's
  bool leak = false;
  bool help = false;
};

/// Throws: `pipeline::usage_error`.
[[nodiscard]] options parse(std::span<char* const> command_line);

[[nodiscard]] std::string usage();

}  // namespace observatory
