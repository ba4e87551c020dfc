// SPDX-License-Identifier: MIT
//
// Registries, logs, tickers and buffers that program and libraries share: each finds the lock of
// the other, forks find all locks in any order, and what a library left behind outlives its
// closing.

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "modules/observing.hpp"

namespace {

using modules::observing_api;
using ms = std::chrono::milliseconds;

int failures = 0;
const char* current = "";

void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s: %s\n", current, what);
}

struct library {
  explicit library(const char* file) : handle(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) {
      check(false, dlerror());
      return;
    }
    const auto get = reinterpret_cast<const observing_api* (*)()>(dlsym(handle, "observing"));
    if (get != nullptr) api = get();
    check(get != nullptr, "the library's function");
  }
  void close() { dlclose(handle); }

  void* handle;
  const observing_api* api = nullptr;
};

template <class Action>
bool child_succeeds(Action&& action) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    _exit(action() ? 0 : 1);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// The log of the library is older than the first pool of the program, and the other way round.
void forks_find_an_order(const observing_api& module) {
  const auto theirs = module.make_log();
  tarn::event_log mine;
  tarn::byte_pool<> pool({.name = "frames"});
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!stop)
      module.watch(*theirs, pool, 10);
  });
  threads.emplace_back([&] {
    while (!stop)
      module.watch(mine, pool, 10);
  });
  threads.emplace_back([&] {
    while (!stop)
      static_cast<void>(theirs->watch(pool));
  });
  for (int i = 0; i != 100; ++i) {
    const bool is_good = child_succeeds([&] {
      if (i % 10 != 0) return true;  // most of the risk is before the fork
      module.watch(*theirs, pool, 2);
      module.watch(mine, pool, 2);
      return pool.get(100).size() == 100;
    });
    check(is_good, "a child uses the logs of both sides");
    if (!is_good) break;
  }
  stop = true;
  for (auto& t : threads)
    t.join();
}

/// Program and library publish in one registry, at the same time.
void registries_are_shared(const observing_api& module) {
  tarn::pool_registry mine;
  const auto theirs = module.make_registry();
  for (auto* const all : {&mine, theirs.get()}) {
    std::vector<std::thread> threads;
    std::atomic<std::size_t> seen{0};
    constexpr int times = 3000;
    for (int t = 0; t != 4; ++t) {
      threads.emplace_back([&, t] {
        tarn::byte_pool<> pool;
        const auto name = "pool " + std::to_string(t);
        if (t % 2 == 0) {
          seen += module.use_registry(*all, pool, name.c_str(), times);
        } else {
          for (int i = 0; i != times; ++i) {
            const auto published = all->publish(pool, name);
            seen += all->size();
          }
        }
      });
    }
    for (auto& t : threads)
      t.join();
    check(seen >= std::size_t{4} * times, "each saw its own pool");
    check(all->size() == 0, "all are gone");
  }
}

/// A ticker of one side is asked, stopped and started by the other, also in a fork's child.
void tickers_cross(const observing_api& module) {
  static std::atomic<int> ticks{0};
  tarn::ticker mine([](tarn::time_span) { ++ticks; });
  mine.start(ms(1));
  check(module.is_running(mine), "it runs");
  // The library has made no ticker yet, the first time.
  check(child_succeeds([&] { return !module.is_running(mine); }), "it does not run in a child");
  auto theirs = module.make_ticker([] { ++ticks; });
  module.start(*theirs);
  const bool is_good = child_succeeds([&] {
    if (module.is_running(mine) || module.is_running(*theirs)) return false;
    if (mine.running() || theirs->running()) return false;
    module.stop(mine);
    theirs->stop();
    if (!module.start(mine) || !theirs->start(ms(1))) return false;
    if (!mine.running() || !module.is_running(*theirs)) return false;
    mine.stop();
    module.stop(*theirs);
    return true;
  });
  check(is_good, "a child's tickers are those of both sides");
  check(module.is_running(mine) && theirs->running(), "they run in the parent");
  module.stop(mine);
  theirs.reset();  // by the program, though the library made it
}

/// Buffers and publications outlive the closing of the library that made them.
void what_is_left_behind(const char* wrapping, const char* publishing, const char* unused) {
  tarn::byte_pool<> pool;
  {
    library l(wrapping);
    if (l.api == nullptr) return;
    auto b = l.api->wrap(pool.get(100));
    l.close();
    check(b.size() == 100, "the bytes are there");
    b.reset();
  }
  check(pool.occupancy().in_use() == 0, "the bytes came home");
  {
    library l(publishing);
    if (l.api == nullptr) return;
    tarn::pool_registry all;
    auto published = l.api->publish(all, pool, "frames");
    l.close();
    check(all.find("frames").alive(), "the pool is published");
    check(all.snapshots().size() == 1, "its numbers can be read");
    published.reset();
    check(all.size() == 0, "it is unpublished");
  }
  void* const handle = dlopen(unused, RTLD_NOW | RTLD_LOCAL);
  check(handle != nullptr, "a library that is not used");
  dlclose(handle);
  check(child_succeeds([&] { return pool.get(10).size() == 10; }),
        "its handlers went with the library");
}

}  // namespace

int main() {
  alarm(250);
  current = "hidden";
  library hidden(OBSERVING_HIDDEN "0.so");
  current = "default";
  library usual(OBSERVING_DEFAULT "0.so");
  for (const auto* const l : {&hidden, &usual}) {
    if (l->api == nullptr) return 1;
    current = l == &hidden ? "hidden" : "default";
    forks_find_an_order(*l->api);
    registries_are_shared(*l->api);
    tickers_cross(*l->api);
  }
  current = "closed, hidden";
  what_is_left_behind(OBSERVING_HIDDEN "1.so", OBSERVING_HIDDEN "2.so", OBSERVING_HIDDEN "3.so");
  current = "closed, default";
  what_is_left_behind(OBSERVING_DEFAULT "1.so", OBSERVING_DEFAULT "2.so", OBSERVING_DEFAULT "3.so");
  if (failures == 0) std::puts("ok");
  return failures == 0 ? 0 : 1;
}
