// SPDX-License-Identifier: MIT
//
// Where threads run, and how a program runs again without restartable sequences.

#pragma once

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

namespace test {

/// The processors that this process may use.
[[nodiscard]] inline std::vector<std::size_t> usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<std::size_t> all;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return all;
  for (std::size_t i = 0; i != CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) all.push_back(i);
  }
  return all;
}

/// Makes the calling thread run on one processor. Returns: false if the system refuses.
inline bool run_on(std::size_t processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

/// Whether this is the program that `without_rseq` started.
[[nodiscard]] inline bool runs_without_rseq() {
  const char* const tunables = std::getenv("GLIBC_TUNABLES");
  return tunables != nullptr && std::string(tunables).find("pthread.rseq=0") != std::string::npos;
}

/// Runs the tests of this program with the tag `tag` once more, in a process without restartable
/// sequences. Returns: its exit code; -1 if a signal ended it.
[[nodiscard]] inline int without_rseq(const char* tag) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
    execl("/proc/self/exe", "again", tag, static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace test
