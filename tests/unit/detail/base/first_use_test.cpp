// SPDX-License-Identifier: MIT
//
// An object of the program that is made at its first use.

#include <atomic>
#include <cstddef>
#include <new>
#include <stdexcept>
#include <thread>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/first_use.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

struct slow {
  slow() {
    std::this_thread::yield();
    number = made.fetch_add(1) + 7;
  }
  int number = 0;
  static inline std::atomic<int> made{0};
};

struct unlucky {
  unlucky() {
    if (++tries < 3) throw std::runtime_error("not yet");
  }
  static inline int tries = 0;
};

template <class T>
T& use() {
  return tarn::detail::first_use<T>::get([](void* memory) { return ::new (memory) T; });
}

}  // namespace

TEST_CASE("threads that use an object for the first time at once find one object", "[first_use]") {
  constexpr std::size_t threads = 8;
  slow* found[threads] = {};
  int numbers[threads] = {};
  test::run_together(threads, [&](std::size_t me) {
    found[me] = &use<slow>();
    numbers[me] = found[me]->number;
  });
  CHECK(slow::made == 1);
  for (std::size_t i = 0; i != threads; ++i) {
    CHECK(found[i] == found[0]);
    CHECK(numbers[i] == 7);
  }
}

TEST_CASE("a use whose constructor throws is tried again by the next use", "[first_use]") {
  CHECK_THROWS_AS(use<unlucky>(), std::runtime_error);
  CHECK_THROWS_AS(use<unlucky>(), std::runtime_error);
  unlucky& first = use<unlucky>();
  CHECK(&use<unlucky>() == &first);
  CHECK(unlucky::tries == 3);
}

TEST_CASE("the default pools are the same at each use", "[first_use]") {
  CHECK(&tarn::default_pool() == &tarn::default_pool());
  CHECK(tarn::default_pool().name() == "default");
  CHECK(&tarn::default_unsized_pool() == &tarn::default_unsized_pool());
}
