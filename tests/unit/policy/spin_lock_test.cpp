// SPDX-License-Identifier: MIT

#include <atomic>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include <tarn/policy/spin_lock.hpp>

#include "support/catch.hpp"

static_assert(sizeof(tarn::spin_lock) == 1);
static_assert(std::is_nothrow_default_constructible_v<tarn::spin_lock>);
static_assert(!std::is_copy_constructible_v<tarn::spin_lock>);

TEST_CASE("a spin lock lets one thread in at a time", "[spin_lock]") {
  constexpr int threads = 4;
  constexpr int turns = 50000;
  tarn::spin_lock lock;
  long counter = 0;  // plain on purpose: only the lock protects it
  int inside = 0;
  std::atomic<long> intruders{0};
  {
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        for (int i = 0; i < turns; ++i) {
          const std::lock_guard hold(lock);
          if (++inside != 1) intruders.fetch_add(1, std::memory_order::relaxed);  // read after join
          ++counter;
          // Preempted owners are rare on an idle machine, so the owner sometimes gives the
          // processor away.
          if (i % 1000 == 0) std::this_thread::yield();
          --inside;
        }
      });
    }
    for (std::thread& worker : workers)
      worker.join();
  }
  CHECK(counter == long{threads} * turns);
  CHECK(intruders.load(std::memory_order::relaxed) == 0);
}

TEST_CASE("try_lock tells whether the spin lock was free", "[spin_lock]") {
  tarn::spin_lock lock;
  CHECK(lock.try_lock());
  CHECK_FALSE(lock.try_lock());

  bool taken_by_other = true;
  std::thread([&] { taken_by_other = lock.try_lock(); }).join();
  CHECK_FALSE(taken_by_other);

  lock.unlock();
  std::thread([&] { taken_by_other = lock.try_lock(); }).join();
  CHECK(taken_by_other);
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
}

TEST_CASE("a failed try_lock does not open the spin lock", "[spin_lock]") {
  tarn::spin_lock lock;
  lock.lock();
  std::atomic<int> entered{0};
  std::thread waiter([&] {
    lock.lock();
    entered.store(1, std::memory_order::relaxed);  // read under the lock, or after join
    lock.unlock();
  });
  bool ever_taken = false;
  for (int i = 0; i < 1000; ++i) {
    ever_taken = ever_taken || lock.try_lock();
    std::this_thread::yield();
  }
  const int entered_while_held = entered.load(std::memory_order::relaxed);
  lock.unlock();
  waiter.join();
  CHECK_FALSE(ever_taken);
  CHECK(entered_while_held == 0);
  CHECK(entered.load(std::memory_order::relaxed) == 1);
}

TEST_CASE("what one owner of a spin lock wrote is seen by the next", "[spin_lock]") {
  tarn::spin_lock lock;
  int pages[64] = {};
  int torn = 0;
  std::thread writer([&] {
    for (int value = 1; value <= 20000; ++value) {
      const std::lock_guard hold(lock);
      for (int& page : pages)
        page = value;
    }
  });
  for (int i = 0; i < 20000; ++i) {
    const std::lock_guard hold(lock);
    for (const int page : pages)
      torn += page != pages[0];
  }
  writer.join();
  CHECK(torn == 0);
  CHECK(pages[63] == 20000);
}
