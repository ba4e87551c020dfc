// SPDX-License-Identifier: MIT
//
// Many libraries of one source, loaded while threads run and closed in mixed order while blocks of
// their pools are out.

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "modules/late_library.hpp"

namespace {

using modules::check;
using modules::check_home;
using modules::failures;
using modules::late_api;
using modules::late_pools;
using modules::library;

constexpr int many = 20;

/// Blocks of one library that stay out while it is closed.
struct held_blocks {
  tarn::buffer bytes;
  tarn::shared_buffer shared;
  modules::late_sessions::handle session;
};

void many_come_and_go(const char* kind) {
  late_pools mine;
  std::vector<library> libraries;
  libraries.reserve(many);
  std::atomic<int> loaded{0};
  std::atomic<int> rounds{0};
  std::atomic<bool> stop{false};
  const auto wait_for_rounds = [&](int more) {
    for (const int end = rounds + more; rounds < end;)
      std::this_thread::yield();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i != 3; ++i) {
    threads.emplace_back([&, i] {
      // Each thread has shards of all pools, made in different orders and by different modules.
      for (int turn = i; !stop; ++turn) {
        const int count = loaded.load();
        if (count == 0) continue;
        const auto& one = libraries[static_cast<std::size_t>(turn * 7 % count)];
        const auto& other = libraries[static_cast<std::size_t>(turn * 3 % count)];
        one.api->use(mine, 3);
        one.api->use(other.api->own(), 3);
        other.api->end_buffer(one.api->own().bytes.get(100));
        one.api->end_shared(mine.bytes.get_shared(100));
        one.api->end_session(mine.sessions.get());
        ++rounds;
      }
    });
  }
  for (int i = 0; i != many; ++i) {
    libraries.emplace_back(kind, i);
    if (libraries.back().api == nullptr) break;
    ++loaded;
    wait_for_rounds(3);
  }
  if (loaded == many) wait_for_rounds(200);
  stop = true;
  for (auto& t : threads)
    t.join();
  if (loaded != many) return;

  // From here on this thread does not touch the libraries' pools: the system keeps a library loaded
  // as long as a thread is to call it at its end. So this one keeps every other library.
  // It ends when all libraries are closed, with shards of their pools.
  std::atomic<bool> has_shards{false};
  std::atomic<bool> may_end{false};
  std::thread late_end([&] {
    for (std::size_t i = 0; i < many; i += 2)
      libraries[i].api->use(libraries[i].api->own(), 2);
    has_shards = true;
    has_shards.notify_all();
    may_end.wait(false);
  });
  has_shards.wait(false);

  std::vector<held_blocks> held(many);
  std::thread([&] {
    for (std::size_t i = 0; i != many; ++i) {
      auto& own = libraries[i].api->own();
      held[i] = {own.bytes.get(100 + i), own.bytes.get_shared(1000 + i), own.sessions.get()};
    }
  }).join();
  std::vector<bool> is_closed(many);
  for (int step = 0; step != many; ++step) {
    const auto next = static_cast<std::size_t>((step * 7 + 3) % many);
    libraries[next].close();
    is_closed[next] = true;
    // The blocks of a library end in another library or in the program, in a thread that is new to
    // the pool.
    auto& blocks = held[static_cast<std::size_t>((step * 3 + 1) % many)];
    const auto open = static_cast<std::size_t>((step * 7 + 10) % many);
    std::thread([&] {
      if (step % 3 == 0 && !is_closed[open]) {
        libraries[open].api->end_buffer(std::move(blocks.bytes));
        libraries[open].api->end_shared(blocks.shared);
        libraries[open].api->end_session(std::move(blocks.session));
      }
      blocks = {};
    }).join();
    for (std::size_t i = 0; i != many; ++i) {
      if (!is_closed[i]) libraries[i].api->use(mine, 1);
    }
  }
  may_end = true;
  may_end.notify_all();
  late_end.join();

  check_home(mine.bytes, "the program's bytes came home");
  check_home(mine.sessions, "the program's sessions came home");
  for (int i = 0; i != many; ++i) {
    // The code of its pools stays, so its pools are those that were there before.
    const library again(kind, i);
    if (again.api == nullptr) continue;
    check(again.api == libraries[static_cast<std::size_t>(i)].api, "it stayed loaded", i);
    check_home(again.api->own().bytes, "a library's bytes came home", i);
    check_home(again.api->own().sessions, "a library's sessions came home", i);
  }
}

}  // namespace

int main() {
  alarm(250);
  many_come_and_go(LATE_HIDDEN);
  if (failures == 0) std::puts("ok");
  return failures == 0 ? 0 : 1;
}
