// SPDX-License-Identifier: MIT
//
// Every kind of pool x every late releaser x every lock, each in a separate process, because the
// test concerns the end of a process.
//
//   late_release                            runs all of them
//   late_release <pool> <releaser> <lock>   runs one; exit code 0: all blocks came home

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include <tarn/tarn.hpp>

#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

extern char** environ;

namespace {

using test::tracked;

// Constructed first, so destroyed last: after every pool and every releaser of this program.
struct final_check {
  ~final_check() {
    if (tracked::faults() != 0) _exit(4);
    if (still_used) {
      if (still_used() != 0) _exit(5);
    } else if (tracked::alive() != 0) {
      _exit(6);
    }
    if (releases != expected) _exit(7);
  }
  std::function<std::size_t()> still_used;  // set for pools that never end
  int releases = 0;
  int expected = 0;
} the_check;

// Releases in its destructor.
struct releaser {
  ~releaser() {
    if (release) release();
  }
  std::function<void()> release;
};

releaser before_all_pools;  // destroyed after the static pools below

template <class Lock>
struct pools {
  tarn::object_pool<tracked, Lock> objects;
  tarn::byte_pool<Lock> bytes;
};

template <class... P>
std::tuple<pools<typename P::lock>...> all_pools(std::tuple<P...>);
using pools_of_every_lock = decltype(all_pools(test::every_lock()));

pools_of_every_lock static_pools;

releaser after_static_pools;  // destroyed before them

template <class Lock>
struct held {
  explicit held(pools<Lock>& p) : object(p.objects.get()), buffer(p.bytes.get(1000)) {
    object->value = 1;
    std::memset(buffer.data(), 1, buffer.size());
  }
  typename tarn::object_pool<tracked, Lock>::handle object;
  typename tarn::byte_pool<Lock>::buffer buffer;
};

// The action of a releaser. It gets a new block if the pool still exists.
template <class Lock>
std::function<void()> release_of(pools<Lock>& p, bool pool_lives) {
  ++the_check.expected;
  return [&p, pool_lives, mine = std::make_shared<held<Lock>>(p)]() mutable {
    if (mine->buffer[999] != std::byte{1} || mine->object->value != 1) _exit(8);
    if (pool_lives) held<Lock> again(p);
    mine.reset();
    if (pool_lives) held<Lock> again(p);
    ++the_check.releases;
  };
}

std::function<void()> at_exit_action;

template <class Lock>
void run(pools<Lock>& p, bool dies_after_main_statics, const std::string& when) {
  held<Lock> used(p);  // this thread has shards
  if (when == "thread_local") {
    // In a thread and in the main thread; constructed before and after the thread's first use of
    // the pool.
    const auto in_this_thread = [&p] {
      static thread_local releaser early;
      early.release = nullptr;
      auto late_part = release_of(p, true);
      static thread_local releaser late;
      early.release = release_of(p, true);
      late.release = std::move(late_part);
    };
    std::thread(in_this_thread).join();
    in_this_thread();
  } else if (when == "static") {
    after_static_pools.release = release_of(p, dies_after_main_statics);
    static releaser in_function;  // made after the pool: destroyed before it
    in_function.release = release_of(p, true);
  } else if (when == "atexit") {
    at_exit_action = release_of(p, true);
    std::atexit([] { std::exchange(at_exit_action, nullptr)(); });
  } else {  // "after": when static and function-static pools are gone
    before_all_pools.release = release_of(p, static_cast<bool>(the_check.still_used));
    // Also in a thread that lives as long as the pool, and releases in the middle of the end.
    std::thread([give = release_of(p, true)] { give(); }).join();
  }
}

template <class Lock>
pools<Lock>& function_static() {
  static pools<Lock> p;
  return p;
}

template <class Lock>
pools<Lock>& immortal() {
  static tarn::immortal<pools<Lock>> p;
  return *p;
}

template <class Lock>
int run_one(const std::string& pool, const std::string& when) {
  if (pool == "static") {
    run(std::get<pools<Lock>>(static_pools), true, when);
  } else if (pool == "function") {
    run(function_static<Lock>(), false, when);
  } else {
    auto& p = immortal<Lock>();
    the_check.still_used = [&p] {
      return static_cast<std::size_t>(p.objects.occupancy().in_use() +
                                      p.bytes.occupancy().in_use());
    };
    run(p, true, when);
  }
  return 0;
}

template <class... P>
int run_named(const std::string& pool, const std::string& when, const std::string& lock,
              std::tuple<P...>) {
  int result = 2;
  static_cast<void>(((test::policy_name<typename P::lock> == lock &&
                      (result = run_one<typename P::lock>(pool, when), true)) ||
                     ...));
  return result;
}

template <class... P>
int run_all(const char* self, std::tuple<P...>) {
  int failures = 0;
  int runs = 0;
  for (const char* pool : {"static", "function", "immortal"}) {
    for (const char* when : {"thread_local", "static", "atexit", "after"}) {
      for (const auto lock : {test::policy_name<typename P::lock>...}) {
        std::string words[] = {self, pool, when, std::string(lock)};
        char* const arguments[] = {words[0].data(), words[1].data(), words[2].data(),
                                   words[3].data(), nullptr};
        pid_t child = 0;
        int status = -1;
        if (posix_spawn(&child, self, nullptr, nullptr, arguments, environ) != 0 ||
            waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
          std::printf("FAILED: %s pool, %s, %s: status %x\n", pool, when, words[3].c_str(),
                      static_cast<unsigned>(status));
          ++failures;
        }
        ++runs;
      }
    }
  }
  std::printf("%d runs, %d failures\n", runs, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) return run_named(argv[1], argv[2], argv[3], test::every_lock());
  return run_all(argv[0], test::every_lock());
}
