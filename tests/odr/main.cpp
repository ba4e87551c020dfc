// SPDX-License-Identifier: MIT
//
// odr <plugin>: exit code 0 if two files and a shared object work together.

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "shared.hpp"

namespace {

int failures = 0;

void check(bool good, const char* what) {
  if (good) return;
  std::printf("FAILED: %s\n", what);
  ++failures;
}

// The child runs all fork handlers that are registered.
bool fork_works() {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    auto b = tarn::default_pool().get(100);
    _exit(b ? 0 : 1);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void check_files() {
  check(&tarn::default_pool() == default_pool_of_other(), "one default pool in both files");
  const auto before = tarn::default_pool().occupancy().in_use();
  auto from_other = buffer_of_other(100);
  check(tarn::default_pool().occupancy().in_use() == before + 1, "a buffer of the other file");
  tarn::default_pool().put(std::move(from_other));
  check(tarn::default_pool().occupancy().in_use() == before, "and its return");

  common_pool mine({.name = "of main"});
  auto a = mine.get(45);
  common_pool::buffer b = pool_of_other().get(46);
  std::swap(a, b);
  a.reset();
  check(pool_of_other().occupancy().in_use() == 0, "handles know their pool");
  check(mine.occupancy().in_use() == 1, "and no other");
  check(pool_of_other().snapshot().recent_lengths == std::vector<std::size_t>{46},
        "recent lengths");

  // Policies that other.cpp defines differently.
  tarn::byte_pool<tarn::no_lock, tarn::no_stats, tarn::traits<tarn::kafka_tiers>> plain;
  check(plain.get(100).capacity() == 512, "a pool without a lock");
  check(other_works(), "pools of the other file");
}

void check_plugin(const char* path) {
  void* const plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) {
    check(false, dlerror());
    return;
  }
  const auto run = reinterpret_cast<run_function>(dlsym(plugin, "plugin_run"));
  const auto take = reinterpret_cast<take_function>(dlsym(plugin, "plugin_take"));
  const auto give = reinterpret_cast<give_function>(dlsym(plugin, "plugin_give"));
  const auto buffers = reinterpret_cast<buffers_function>(dlsym(plugin, "plugin_buffers"));
  const auto in_use = reinterpret_cast<in_use_function>(dlsym(plugin, "plugin_in_use"));
  check(run != nullptr && take != nullptr && give != nullptr && buffers != nullptr &&
            in_use != nullptr,
        "the plugin's functions");
  if (failures != 0) return;

  check(run(2) == 0, "pools of the plugin");
  // The same thread has shards of both worlds, and ends with both.
  const auto ours = tarn::default_pool().occupancy().in_use();
  std::thread([&] {
    auto mine = tarn::default_pool().get(100);
    void* const theirs = take(100);
    std::memset(theirs, 1, 100);
    check(!tarn::default_pool().owns(theirs), "the plugin's default pool is its own");
    check(tarn::default_pool().occupancy().in_use() == ours + 1, "and is counted there");
    give(theirs, 100);
    check(run(0) == 0, "a pool on a thread of the program");
  }).join();
  void* const across = take(5000);  // taken on this thread, given back on another one
  std::thread([&] { give(across, 5000); }).join();
  {
    // The one promise across worlds: erased buffers, from either world, on any thread.
    const auto theirs = in_use();
    tarn::any_buffer crossed[2];
    buffers(crossed);
    check(in_use() == theirs + 2, "two buffers of the plugin");
    check(crossed[0].view() == "plugi" && crossed[0].is_writable(), "what the plugin wrote");
    std::thread([&] { crossed[0].reset(); }).join();
    crossed[1] = tarn::default_pool().get(10);
    check(in_use() == theirs, "both went home");
  }
  check(fork_works(), "fork with both worlds");
  check(dlclose(plugin) == 0, "unloading");
  check(fork_works(), "fork after one has gone");
  std::thread([] { auto b = tarn::default_pool().get(100); }).join();
}

}  // namespace

int main(int argc, char** argv) {
  check_files();
  if (argc == 2) {
    check_plugin(argv[1]);
  } else {
    check(false, "usage: odr <plugin>");
  }
  return failures == 0 ? 0 : 1;
}
