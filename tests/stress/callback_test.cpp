// SPDX-License-Identifier: MIT
//
// Callbacks that are set and removed while the pool is used.

#include <array>
#include <atomic>
#include <memory>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

using tarn::operation;
using tarn::operation_kind;

}  // namespace

TEMPLATE_LIST_TEST_CASE("callbacks are switched under load, and none is called once it is gone",
                        "[stress][callback]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  std::atomic<bool> ends{false};
  std::atomic<std::uint64_t> late{0};
  std::atomic<std::uint64_t> told{0};
  test::run_together(4, [&](std::size_t thread) {
    if (thread == 0) {
      for (int round = 0; round != 300; ++round) {
        auto alive = std::make_shared<std::atomic<bool>>(true);
        f->set_callback([&, alive](const operation& o) {
          if (!*alive) ++late;
          ++told;
          if (o.kind == operation_kind::get && o.size_bytes % 7 == 0) static_cast<void>(f->get(64));
        });
        if (round % 3 == 0) static_cast<void>(f->get(1));
        if (round % 2 == 0) {
          f->set_callback(nullptr);
          alive->store(false);
        }
      }
      f->set_callback(nullptr);
      ends = true;
    }
    for (std::size_t n = 0; !ends || n < 1000; ++n) {
      auto a = f->get(n % 5000);
      auto b = f->get(3 * n % 70000);
      if (n % 64 == 0) f->trim();
    }
  });
  CHECK(late == 0);
  CHECK(told > 0);
}

TEMPLATE_LIST_TEST_CASE("while a callback stays, each get and each put is told once",
                        "[stress][callback]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::uint64_t times = 5000;
  tarn::object_pool<std::array<int, 8>, typename TestType::lock, typename TestType::stats> pool;
  std::array<std::atomic<std::uint64_t>, 5> told{};
  pool.set_callback([&](const operation& o) { ++told[static_cast<std::size_t>(o.kind)]; });
  test::run_together(4, [&](std::size_t) {
    for (std::uint64_t n = 0; n != times; ++n) {
      const auto a = pool.get();
      const auto b = pool.try_get();
    }
  });
  CHECK(told[static_cast<std::size_t>(operation_kind::get)] == 8 * times);
  CHECK(told[static_cast<std::size_t>(operation_kind::put)] == 8 * times);
  CHECK(told[static_cast<std::size_t>(operation_kind::create)] >= 2);
}
