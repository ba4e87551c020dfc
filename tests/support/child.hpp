// SPDX-License-Identifier: MIT
//
// Runs a part of a test in a child process, which may end in any way.

#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <string>

#include "support/sanitizer.hpp"

namespace test {

struct child_end {
  int code = -1;     // exit code; -1 if a signal ended it
  int signal = 0;    // signal that ended it
  std::string said;  // output on the standard error stream

  [[nodiscard]] bool ok() const noexcept { return code == 0; }
};

// A sanitizer's heap may be locked for ever in a child, so there the timeout is shorter. Otherwise
// the time must be enough for a machine that is busy with other work.
inline constexpr unsigned child_seconds = with_asan || with_tsan ? 10 : 120;

/// Forks. The child runs `action`, which returns its exit code. A signal ends the child if it has
/// not ended after `seconds`, because of a lock that is never released, for example. A child must
/// not assert: Catch2's output is lost there.
template <class Action>
[[nodiscard]] child_end in_child(Action&& action, unsigned seconds = child_seconds) {
  child_end result;
  int ends[2];
  if (pipe(ends) != 0) return result;
  const pid_t child = fork();
  if (child == 0) {
    // The framework would report a signal that it handles as its own failure.
    for (const int s : {SIGABRT, SIGSEGV, SIGALRM, SIGTERM})
      std::signal(s, SIG_DFL);
    alarm(seconds);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    _exit(action());
  }
  close(ends[1]);
  if (child > 0) {
    char text[512];
    for (ssize_t n = 0; (n = read(ends[0], text, sizeof text)) > 0;) {
      result.said.append(text, static_cast<std::size_t>(n));
    }
    int status = 0;
    if (waitpid(child, &status, 0) == child) {
      if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
      if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    }
  }
  close(ends[0]);
  return result;
}

}  // namespace test
