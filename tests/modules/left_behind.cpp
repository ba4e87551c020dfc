// SPDX-License-Identifier: MIT
//
// What a library left behind in a pool or a log of the program can be called after the library was
// closed: the library stays loaded then.

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>

#include "modules/late_library.hpp"

namespace {

using modules::check;
using modules::check_home;
using modules::failures;
using modules::late_api;
using modules::late_pools;
using modules::library;

/// Calls what a library left behind in the program. In a child each: a library that stays loaded
/// takes room, and a fault is one of that child only.
template <class Action>
void left_behind(const char* what, const char* kind, Action&& action) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    failures = 0;
    {
      library l(kind, 0);
      if (l.api != nullptr) action(l);
    }
    _exit(failures == 0 ? 0 : 1);
  }
  int status = -1;
  check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, what);
}

void what_is_left_behind(const char* kind) {
  left_behind("a deleter", kind, [](library& l) {
    tarn::byte_pool<> pool;
    auto adopted = l.api->adopt(pool);
    auto part = adopted.slice(3, 5);
    l.close();
    adopted.reset();
    part.reset();
    check(pool.occupancy().nodes.in_use == 0, "the node came home");
  });
  left_behind("a deleter that is a function", kind, [](library& l) {
    tarn::byte_pool<> pool;
    auto adopted = l.api->adopt_with_pointer(pool);
    l.close();
  });
  left_behind("a callback", kind, [](library& l) {
    tarn::byte_pool<> pool;
    l.api->call_back(pool);
    l.close();
    static_cast<void>(pool.get(100));
    pool.set_callback(nullptr);
  });
  left_behind("a callback, until the pool ends", kind, [](library& l) {
    tarn::byte_pool<> pool;
    l.api->call_back(pool);
    l.close();
  });
  left_behind("a sink", kind, [](library& l) {
    tarn::byte_pool<> pool;
    tarn::event_log log;
    const auto watching = log.watch(pool);
    l.api->hear_events(log);
    l.close();
    static_cast<void>(pool.get(std::size_t{3} << 20));
    check(log.total() == 1, "an event");
  });
  left_behind("a watch", kind, [](library& l) {
    tarn::byte_pool<> pool;
    tarn::event_log log;
    auto watching = l.api->watch(log, pool);
    l.close();
    static_cast<void>(pool.get(std::size_t{3} << 20));
    check(log.total() == 1, "an event");
    watching.reset();
  });
  left_behind("nothing", kind, [](library& l) {
    late_pools mine;
    std::thread([&] { l.api->use(mine, 10); }).join();
    l.api->use(mine, 10);
    auto b = mine.bytes.get(100);
    l.close();
    // Some linkers and compilers keep it; where it is gone, no pool of the program misses it.
    static_cast<void>(l.is_loaded());
    b.reset();
    mine.bytes.drain();
    check_home(mine.bytes, "bytes that the library used");
    check_home(mine.sessions, "sessions that the library used");
  });
}

}  // namespace

int main() {
  alarm(250);
  what_is_left_behind(LATE_HIDDEN);
  what_is_left_behind(LATE_DEFAULT);
  if (failures == 0) std::puts("ok");
  return failures == 0 ? 0 : 1;
}
