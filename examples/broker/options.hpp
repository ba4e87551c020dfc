// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace broker {

struct options {
  unsigned port = 6390;
  unsigned threads = 1;
  std::size_t output_limit = 8 << 20;  ///< bytes that may wait for a subscriber
  bool on_malloc = false;
  bool help = false;
};

/// Serves until a signal or SHUTDOWN. Returns: the exit code. One file for each memory.
int serve_on_tarn(const options& o);
int serve_on_malloc(const options& o);

}  // namespace broker
