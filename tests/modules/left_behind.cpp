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

#include "modules/late.hpp"

namespace {

using modules::late_api;
using modules::late_pools;

int failures = 0;

void check(bool holds, const char* what, int number = -1) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s (library %d)\n", what, number);
  std::fflush(stdout);
}

std::string file_of(const char* kind, int number) { return kind + std::to_string(number) + ".so"; }

struct library {
  library(const char* kind, int number)
      : file(file_of(kind, number)), handle(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) {
      check(false, dlerror(), number);
      return;
    }
    const auto get = reinterpret_cast<const late_api* (*)()>(dlsym(handle, "late"));
    check(get != nullptr, "the library's function", number);
    if (get != nullptr) api = get();
  }
  void close() { dlclose(handle); }
  [[nodiscard]] bool is_loaded() const {
    void* const found = dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (found != nullptr) dlclose(found);
    return found != nullptr;
  }

  std::string file;
  void* handle;
  const late_api* api = nullptr;
};

template <class Pool>
void check_home(const Pool& pool, const char* what, int number = -1) {
  const auto s = pool.snapshot();
  const auto total = s.total();
  check(total.gets == total.puts && total.in_use == 0, what, number);
  for (const auto& t : s.tiers)
    check(t.created == t.idle + t.in_use + t.retired, "every block is somewhere", number);
}

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
