// SPDX-License-Identifier: MIT
//
// A thread that waits in a pool is woken by the code of another module. Each module has its own
// copy of what the standard library keeps beside an atomic that is waited for, so the standard's
// notification does not get there.

#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "modules/waiting.hpp"

namespace {

using use_function = void (*)(modules::waiting_pool&);

/// `first` takes memory of the source, slowly; meanwhile `second` waits for it.
void wait_across(use_function first, use_function second) {
  modules::held_up state;
  modules::waiting_pool pool({}, {}, modules::held_up_source{&state});
  state.holds = true;
  std::thread grows([&] { first(pool); });
  while (!state.is_inside)
    std::this_thread::yield();
  std::thread waits([&] { second(pool); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until it sleeps, most likely
  state.holds = false;
  grows.join();
  waits.join();
}

void get_and_put_here(modules::waiting_pool& pool) { static_cast<void>(pool.get(100)); }

}  // namespace

int main() {
  alarm(30);  // a thread that is not woken waits for ever
  for (const char* file : {WAITING_HIDDEN, WAITING_DEFAULT}) {
    void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return std::puts(dlerror()), 1;
    const auto there = reinterpret_cast<use_function>(dlsym(library, "get_and_put"));
    if (there == nullptr) return std::puts(dlerror()), 1;
    wait_across(there, get_and_put_here);
    wait_across(get_and_put_here, there);
  }
  std::puts("ok");
}
