// SPDX-License-Identifier: MIT
// How does a coroutine wait for memory, without a thread that sleeps?

#include <coroutine>
#include <cstddef>
#include <cstdio>
#include <exception>

#include <tarn/byte_pool.hpp>
#include <tarn/interop/async_get.hpp>

namespace {

struct task {  // begins at once, and ends by itself
  struct promise_type {
    static task get_return_object() noexcept { return {}; }
    static std::suspend_never initial_suspend() noexcept { return {}; }
    static std::suspend_never final_suspend() noexcept { return {}; }
    static void return_void() noexcept {}
    static void unhandled_exception() noexcept { std::terminate(); }
  };
};

task fill(tarn::byte_pool<>& pool, std::size_t& got) {
  const auto b = co_await tarn::async_get(pool, 1000);  // empty if the pool was closed
  got = b.size();
}

}  // namespace

int main() {
  tarn::byte_pool<> pool({.name = "packets", .capacity = 1});
  auto only = pool.get(1000);
  std::size_t got = 0;
  fill(pool, got);
  if (got != 0) return 1;  // it waits
  only.reset();            // the coroutine goes on inside this put
  std::printf("the coroutine got %zu bytes\n", got);
  return got == 1000 && pool.occupancy().in_use() == 0 ? 0 : 1;
}
