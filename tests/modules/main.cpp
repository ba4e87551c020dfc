// SPDX-License-Identifier: MIT
//
// Pools of the program in libraries, and pools of libraries in the program: from any thread, whose
// end finds them, with any visibility, linked or loaded, and after a library was closed.

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "modules/module.hpp"
#include "modules/use.hpp"

extern "C" const modules::api* api_of_linked_hidden();
extern "C" const modules::api* api_of_linked_default();

namespace {

using modules::api;
using modules::pools;

int failures = 0;
const char* current = "";

void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s: %s\n", current, what);
}

template <class Pool>
void check_counts(const Pool& pool, std::uint64_t gets, const char* what) {
  const auto s = pool.snapshot();
  const auto total = s.total();
  check(total.gets == gets && total.puts == gets && total.in_use == 0, what);
  for (const auto& t : s.tiers)
    check(t.created == t.idle + t.in_use + t.retired, "every block is somewhere");
}

std::uint64_t gets_of(const pools& p) { return p.bytes.snapshot().total().gets; }

/// All blocks that were taken came back.
template <class Pool>
void check_balance(const Pool& pool, const char* what) {
  const auto total = pool.snapshot().total();
  check(total.gets == total.puts && total.in_use == 0, what);
}

/// All pools of `p` saw `gets` gets, and all came back.
void check_all(const pools& p, std::uint64_t gets) {
  check_counts(p.bytes, gets, "byte_pool");
  check_counts(p.mutexed, gets, "a pool with a mutex");
  check_counts(p.lock_free, gets, "a lock-free pool");
  check_counts(p.checked, gets, "a checked pool on pages");
  check_counts(p.sessions, gets, "object_pool");
  check_counts(p.messages, gets, "message_pool");
  for (const auto& m : p.more)
    check_counts(m, gets, "one of many pools");
  for (const auto misuses : p.checked.snapshot().misuses)
    check(misuses == 0, "no return was taken for a misuse");
}

/// Threads that each use both sides' pools from both sides, and end.
void threads_use(const api& module) {
  pools mine;
  pools& theirs = module.own();
  const auto before = gets_of(theirs);
  constexpr int times = 300;
  constexpr int count = 6;
  for (int round = 0; round != 2; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i != count; ++i) {
      threads.emplace_back([&, i] {
        // In different orders: the first side makes the shard.
        if (i % 2 == 0) modules::use(mine, times);
        module.use(mine, times);
        module.use(theirs, times);
        modules::use(theirs, times);
        if (i % 2 != 0) modules::use(mine, times);
      });
    }
    for (auto& t : threads)
      t.join();
  }
  check_all(mine, 2 * count * 4 * times);
  check(gets_of(theirs) == before + 2 * count * 4 * times, "the module's gets");
  check_balance(theirs.bytes, "byte_pool of the module");
  check_balance(theirs.mutexed, "a pool of the module with a mutex");
  check_balance(theirs.lock_free, "a lock-free pool of the module");
  check_balance(theirs.checked, "a checked pool of the module");
  check_balance(theirs.sessions, "object_pool of the module");
  check_balance(theirs.messages, "message_pool of the module");
  for (const auto& m : theirs.more)
    check_balance(m, "one of many pools of the module");
}

/// Handles of one side are dropped on the other.
void handles_cross(const api& module) {
  pools mine;
  const auto cross = [&](pools& from) {
    tarn::buffer b = from.bytes.get(100);
    b[0] = std::byte{7};
    module.end_buffer(std::move(b));
    tarn::shared_buffer shared = from.bytes.get_shared(1000);
    tarn::chain chain(from.bytes);
    chain.append(shared);
    chain.append(shared.slice(10, 500));
    module.end_shared(shared);
    module.end_chain(std::move(chain));
    check(shared.ref_count() == 1, "references that ended in the module");
    module.end_shared(std::move(shared));
    auto s = from.sessions.get();
    s->text.assign(1000, 'x');
    module.end_session(std::move(s));
    auto m = from.messages.get();
    m->value.assign("some bytes");
    tarn::message_pool<>::shared sinks[2];
    from.messages.share(std::move(m), sinks);
    for (auto& sink : sinks)
      module.end_message(std::move(sink));
  };
  cross(mine);
  std::thread([&] { cross(mine); }).join();
  std::thread([&] { cross(module.own()); }).join();
  cross(module.own());
  for (const pools* p : {&mine, &module.own()}) {
    check(p->bytes.snapshot().total().in_use == 0, "bytes came home");
    check(p->sessions.snapshot().total().in_use == 0, "sessions came home");
    check(p->messages.snapshot().total().in_use == 0, "messages came home");
  }
}

/// A callback of the module is called for each action of the program, once, also where it uses the
/// pool.
void observers_cross(const api& module) {
  tarn::byte_pool<> mine;
  const auto told = module.watch(
      mine, [](void* p) { auto b = static_cast<tarn::byte_pool<>*>(p)->get(100); }, &mine);
  check(told == 3, "a get, a creation and a put are told");
  std::size_t heard = 0;
  auto& theirs = module.own().bytes;
  theirs.set_callback([&](const tarn::operation&) {
    ++heard;
    auto b = theirs.get(50);  // the callback's own actions are not reported to it
  });
  module.end_buffer(theirs.get(100));
  theirs.set_callback(nullptr);
  check(heard >= 2 && heard <= 3, "the program hears of the module's pool");
}

/// A pool ends while threads of both sides have shards of it, and blocks are out.
void pools_end_early(const api& module) {
  std::vector<tarn::buffer> held;
  for (int i = 0; i != 20; ++i) {
    tarn::byte_pool<> brief;
    std::thread other([&] {
      module.end_buffer(brief.get(100));
      held.push_back(brief.get(200));
    });
    other.join();
    module.end_buffer(brief.get(100));
    held.push_back(brief.get(300));
  }
  for (auto& b : held)
    module.end_buffer(std::move(b));
}

void fork_works(const api& module) {
  auto b = module.own().bytes.get(10);
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    pools mine;
    module.use(mine, 10);
    module.use(module.own(), 10);
    module.end_buffer(std::move(b));
    _exit(gets_of(mine) == 20 ? 0 : 1);
  }
  int status = -1;
  check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
        "a fork's child uses both sides' pools");
}

void exercise(const char* name, const api& module) {
  current = name;
  threads_use(module);
  handles_cross(module);
  observers_cross(module);
  pools_end_early(module);
  fork_works(module);
}

/// Loads a library, uses it, and closes it while its blocks are out.
void load(const char* name, const char* file, const char* symbol, int flags) {
  current = name;
  void* const library = dlopen(file, RTLD_NOW | flags);
  if (library == nullptr) return check(false, dlerror());
  const auto get = reinterpret_cast<const api* (*)()>(dlsym(library, symbol));
  if (get == nullptr) return check(false, "the library's function");
  const api& module = *get();
  exercise(name, module);

  pools& theirs = module.own();
  auto bytes = theirs.bytes.get(100);
  auto shared = theirs.bytes.get_shared(100);
  auto checked = theirs.checked.get(100);
  auto session = theirs.sessions.get();
  auto message = theirs.messages.get();
  dlclose(library);
  std::thread([&] {
    bytes.reset();
    shared.reset();
    checked.reset();
    session.reset();
    message.reset();
  }).join();
  // Where the library's own code keeps the blocks, the library stays loaded. Where it used the code
  // of another library, it is unloaded, with its pools. The blocks stay valid.
}

}  // namespace

int main() {
  exercise("linked, hidden", *api_of_linked_hidden());
  exercise("linked, default", *api_of_linked_default());
  load("loaded, hidden, local", LOADED_HIDDEN, "api_of_loaded_hidden", RTLD_LOCAL);
  load("loaded, default, local", LOADED_DEFAULT, "api_of_loaded_default", RTLD_LOCAL);
  load("loaded, hidden, global", LOADED_HIDDEN, "api_of_loaded_hidden", RTLD_GLOBAL);
  load("loaded, default, global", LOADED_DEFAULT, "api_of_loaded_default", RTLD_GLOBAL);
  if (failures == 0) std::puts("ok");
  return failures == 0 ? 0 : 1;
}
