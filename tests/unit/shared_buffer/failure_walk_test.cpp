// SPDX-License-Identifier: MIT
//
// Every operation on shared bytes that needs memory, with a source that fails at its first, second,
// ... call: handles are unchanged, and no block is lost.

#include <array>
#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include <tarn/chain.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

/// `action(pool)` returns whether it succeeded, and has given back all that it took.
template <class P, class Action>
void walk(Action&& action) {
  for (const bool for_ever : {false, true}) {
    for (std::size_t n = 1; n != 100; ++n) {
      INFO("fails at call " << n << (for_ever ? " and from then on" : ""));
      test::byte_fixture<P> pool;
      const auto kept = pool->get_shared(1000);
      const auto before = pool->occupancy().in_use();
      for_ever ? pool.source.fail_from(n) : pool.source.fail_at(n);
      const bool done = action(*pool);
      const bool failed = pool.source.failures() != 0;
      CHECK(pool.imbalance() == "");
      CHECK(pool->occupancy().in_use() == before);
      pool.source.never_fail();
      CHECK(action(*pool));
      if (for_ever && failed) CHECK_FALSE(done);
      if (!failed) {
        CHECK(done);
        break;
      }
      REQUIRE(n != 99);
    }
  }
}

template <class Action>
bool succeeds(Action&& action) {
  try {
    action();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("sharing survives a failing source", "[shared_buffer]", test::every_lock) {
  walk<TestType>([](auto& pool) {
    return succeeds([&] {
      const auto a = pool.get_shared(100);
      const auto b = pool.get_shared(4096);
      const auto c = pool.get_shared(3 << 20);
    });
  });
}

TEMPLATE_LIST_TEST_CASE("a buffer that could not be frozen is as before", "[shared_buffer]",
                        test::every_lock) {
  walk<TestType>([](auto& pool) {
    auto b = pool.try_get(512);
    if (!b) return false;
    const auto* const data = b.data();
    const bool done = succeeds([&] { static_cast<void>(tarn::freeze(std::move(b))); });
    if (!done) {
      CHECK(b.data() == data);
      CHECK(b.size() == 512);
    }
    return done;
  });
}

TEMPLATE_LIST_TEST_CASE("a copy on write that fails leaves both as before", "[shared_buffer]",
                        test::every_lock) {
  walk<TestType>([](auto& pool) {
    auto b = pool.try_get_shared(1 << 20);
    if (!b) return false;
    auto part = b.slice(10, 100);
    const auto* const data = part.data();
    bool done = succeeds([&] { static_cast<void>(part.make_unique()); });
    CHECK(b.ref_count() == (done ? 1 : 2));
    CHECK((part.data() != data) == done);
    auto small = b.slice(20, 5000);
    const bool compacted = succeeds([&] { static_cast<void>(small.compact_if(0.5)); });
    CHECK(small.size() == 5000);
    CHECK((small.data() != b.data() + 20) == compacted);
    return done && compacted;
  });
}

TEMPLATE_LIST_TEST_CASE("a deleter is called once, whether or not its memory was adopted",
                        "[shared_buffer]", test::every_lock) {
  walk<TestType>([](auto& pool) {
    static std::array<std::byte, 100> memory;
    int deleted = 0;
    const bool done =
        succeeds([&] { static_cast<void>(pool.adopt(memory, [&deleted] { ++deleted; })); });
    CHECK(deleted == 1);
    return done;
  });
}

TEMPLATE_LIST_TEST_CASE("a chain that could not be added to is as before", "[chain]",
                        test::every_lock) {
  walk<TestType>([](auto& pool) {
    using chain = tarn::basic_chain<typename TestType::lock, typename TestType::stats,
                                    typename std::remove_reference_t<decltype(pool)>::traits_type>;
    chain c(pool);
    std::size_t size = 0;
    bool done = true;
    const auto step = [&](std::size_t more, auto&& action) {
      if (succeeds(action)) {
        size += more;
      } else {
        done = false;
      }
      CHECK(c.size() == size);
    };
    step(5, [&] { c.append("small"); });
    step(5000, [&] { c.append(std::string(5000, 'x')); });
    step(300, [&] { c.append(pool.get_shared(300)); });
    step(10, [&] { c.append(pool.get(10)); });
    step(0, [&] { static_cast<void>(c.coalesce()); });
    return done;
  });
}
