// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>

namespace pipeline {

/// Shows progress on the standard error stream: on a terminal a line that is rewritten, elsewhere a
/// new line every few seconds.
class progress {
 public:
  progress();
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// `fraction` from 0 to 1; may be called often.
  void show(double fraction, const std::string& what);
  /// Removes the line from the terminal.
  void clear();

 private:
  using clock = std::chrono::steady_clock;
  bool is_terminal_;
  bool is_shown_ = false;
  clock::time_point next_;
};

}  // namespace pipeline
