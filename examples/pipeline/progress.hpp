// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>

namespace pipeline {

/// Shows on the standard error stream how far the work is: a line that is rewritten on a terminal,
/// a new line every few seconds elsewhere.
class progress {
 public:
  progress();
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// `fraction` from 0 to 1; may be called often.
  void show(double fraction, const std::string& what);
  /// Takes the line off the terminal.
  void clear();

 private:
  using clock = std::chrono::steady_clock;
  bool is_terminal_;
  bool is_shown_ = false;
  clock::time_point next_;
};

}  // namespace pipeline
