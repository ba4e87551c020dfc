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

/// Keeps the calling thread on the processor where it is, until the end of its life.
class stays_here {
 public:
  stays_here() {
    CPU_ZERO(&before_);
    is_known_ = sched_getaffinity(0, sizeof before_, &before_) == 0;
    const int now = sched_getcpu();
    if (is_known_ && now >= 0) run_on(static_cast<std::size_t>(now));
  }
  ~stays_here() {
    if (is_known_) sched_setaffinity(0, sizeof before_, &before_);
  }
  stays_here(const stays_here&) = delete;
  stays_here& operator=(const stays_here&) = delete;

 private:
  cpu_set_t before_;
  bool is_known_ = false;
};

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
