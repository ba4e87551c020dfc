// SPDX-License-Identifier: MIT
//
// A handler of pthread_atfork that is registered before the first pool, and uses pools and what
// watches them: the locks of pools are free when it is called.

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <tarn/observe/event_log.hpp>
#include <tarn/tarn.hpp>

namespace {

tarn::byte_pool<>* frames = nullptr;
tarn::event_log* events = nullptr;
int calls = 0;

void use() {
  if (frames == nullptr) return;
  ++calls;
  {
    auto b = frames->get(100);
    auto large = frames->get(3 << 20);
  }
  frames->trim();
  tarn::byte_pool<> brief;
  auto b = brief.get(10);
  tarn::event_log log;
  const auto watching = log.watch(*frames);
  static_cast<void>(events->total());
}

}  // namespace

int main() {
  alarm(60);
  if (pthread_atfork(use, use, use) != 0) return 1;
  tarn::byte_pool<> pool({.name = "frames"});
  tarn::event_log log;
  const auto watching = log.watch(pool);
  auto held = pool.get(1000);
  frames = &pool;
  events = &log;
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(calls == 2 && pool.occupancy().in_use() == 1 ? 0 : 2);
  }
  int status = -1;
  const bool is_good = waitpid(child, &status, 0) == child && WIFEXITED(status) &&
                       WEXITSTATUS(status) == 0 && calls == 2 && pool.occupancy().in_use() == 1;
  std::puts(is_good ? "ok" : "FAILED");
  return is_good ? 0 : 3;
}
