// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace pipeline {
namespace {

using namespace std::chrono_literals;

bool stderr_is_terminal() {
#if __has_include(<unistd.h>)
  return isatty(STDERR_FILENO) == 1;
#else
  return false;
#endif
}

}  // namespace

// Elsewhere the first line is delayed: a run that ends soon needs no progress line.
progress::progress()
    : is_terminal_(stderr_is_terminal()), next_(clock::now() + (is_terminal_ ? 0ms : 2s)) {}

void progress::show(double fraction, const std::string& what) {
  const auto now = clock::now();
  if (now < next_) return;
  next_ = now + (is_terminal_ ? 80ms : 3s);
  fraction = std::clamp(fraction, 0.0, 1.0);
  if (!is_terminal_) {
    std::fprintf(stderr, "%3.0f %%  %s\n", fraction * 100, what.c_str());
    return;
  }
  constexpr std::size_t width = 24;
  const auto done = static_cast<std::size_t>(fraction * width);
  const auto bar = std::string(done, '#') + std::string(width - done, '.');
  std::fprintf(stderr, "\r\033[K[%s] %3.0f %%  %.70s", bar.c_str(), fraction * 100, what.c_str());
  std::fflush(stderr);
  is_shown_ = true;
}

void progress::clear() {
  if (is_shown_) std::fputs("\r\033[K", stderr);
  is_shown_ = false;
}

}  // namespace pipeline
