// SPDX-License-Identifier: MIT
//
// Every operation that may take memory, with a source that fails at its first, second, ... call:
// the fast buffer is unchanged, and no block is lost.

#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"

namespace {

using test::text_of;
constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t sizes[] = {0, 1, 128, 3000};  // bytes that are written before

// Runs `action(writer)` with a source that fails at its n-th call, for n = 1, 2, ... until no call
// fails any more. `action` returns whether it succeeded; if not, nothing may have changed.
template <class P, std::size_t InlineBytes = 0, class Action>
void walk(std::size_t written, const Action& action) {
  for (const bool for_ever : {false, true}) {
    for (std::size_t n = 1; n != 50; ++n) {
      INFO("fails at call " << n << (for_ever ? " and from then on" : "") << ", " << written
                            << " bytes written");
      test::byte_fixture<P> pool;
      bool failed = false;
      {
        test::writer_of<P, InlineBytes> b(*pool);
        b.append(text_of(written));
        if (written > 20 && b.room() != 0) b.consume(10);  // a full one has to grow
        const auto before = std::string(b.view());
        const auto capacity = b.capacity();
        const auto* const place = b.data();
        const auto in_use = pool->occupancy().in_use();
        for_ever ? pool.source.fail_from(n) : pool.source.fail_at(n);
        const bool done = action(b);
        failed = pool.source.failures() != 0;
        pool.source.never_fail();
        if (for_ever && failed) CHECK_FALSE(done);
        if (!failed) CHECK(done);
        if (!done) {
          CHECK(b.view() == before);
          CHECK(b.capacity() == capacity);
          CHECK(b.data() == place);
          CHECK(pool->occupancy().in_use() == in_use);
          // It still owns its block: its room can be written to, and now the same action succeeds.
          b.append(text_of(b.room()));
          b.resize_uninitialized(before.size());
          CHECK(action(b));
        }
        CHECK(pool.imbalance() == "");
      }
      if (!failed) {
        CHECK(n != 1);  // otherwise the source was never called, and the test is empty
        break;
      }
      REQUIRE(n != 49);
    }
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a growth that fails leaves a fast buffer as it was", "[fast_buffer]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto written : sizes) {
    walk<TestType>(written,
                   [](auto& b) { return test::has_memory([&] { b.append(text_of(mib)); }); });
    walk<TestType>(written,
                   [](auto& b) { return test::has_memory([&] { b.append(text_of(40000)); }); });
    walk<TestType>(written, [](auto& b) { return test::has_memory([&] { b.reserve(5 * mib); }); });
    walk<TestType>(
        written, [](auto& b) { return test::has_memory([&] { b.resize_uninitialized(200000); }); });
    walk<TestType>(written, [](auto& b) {
      return test::has_memory([&] { static_cast<void>(b.prepare(200000)); });
    });
    walk<TestType>(written, [](auto& b) { return b.try_append(text_of(mib)); });
    walk<TestType>(written, [](auto& b) { return b.try_reserve(5 * mib); });
  }
}

TEMPLATE_LIST_TEST_CASE("single bytes, numbers and parts of itself fail without a trace",
                        "[fast_buffer]", test::every_lock) {
  INFO(test::name_of<TestType>());
  // So full that the pool has no block left in any tier.
  constexpr std::size_t full = std::size_t{1} << 17;
  walk<TestType>(full, [](auto& b) { return test::has_memory([&] { b.push_back('x'); }); });
  walk<TestType>(full, [](auto& b) { return test::has_memory([&] { b.append_be(1); }); });
  walk<TestType>(full, [](auto& b) { return test::has_memory([&] { b.append_varint(1); }); });
  walk<TestType>(full, [](auto& b) { return test::has_memory([&] { b.append(b.view()); }); });
  walk<TestType>(full, [](auto& b) { return b.try_append(b.view()); });
}

TEMPLATE_LIST_TEST_CASE("bytes in front that fail leave a fast buffer as it was", "[fast_buffer]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto written : sizes) {
    walk<TestType>(written,
                   [](auto& b) { return test::has_memory([&] { b.prepend(text_of(mib)); }); });
    walk<TestType>(written, [](auto& b) { return b.try_prepend(text_of(mib)); });
  }
  constexpr std::size_t full = std::size_t{1} << 17;
  walk<TestType>(full, [](auto& b) { return test::has_memory([&] { b.prepend(b.view()); }); });
  walk<TestType>(full, [](auto& b) { return b.try_prepend(b.view()); });
}

TEMPLATE_LIST_TEST_CASE("a front that could not be taken is still there", "[fast_buffer]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  const auto split = [](auto& b) {
    return test::has_memory([&] {
      const auto size = b.size();
      const auto front = b.split_to(size / 2);
      CHECK(front.size() + b.size() == size);
    });
  };
  walk<TestType, 64>(20, split);  // from the object itself
  std::size_t refused = 0;
  for (std::size_t n = 1; n != 10; ++n) {
    test::byte_fixture<TestType> pool;
    {
      test::writer_of<TestType> b(*pool);
      b.append(text_of(100));
      pool.source.fail_from(n);  // a single failure is not enough: the pool asks again
      const bool done = split(b);
      pool.source.never_fail();
      if (!done) {
        ++refused;
        CHECK(b.view() == text_of(100));
        CHECK(b.capacity() == 128);
        b.append(text_of(28));  // its block is its own as before
        CHECK(split(b));
      }
    }
    CHECK(pool.imbalance() == "");
  }
  CHECK(refused != 0);
}

TEMPLATE_LIST_TEST_CASE("a detach that needs a block and gets none has detached nothing",
                        "[fast_buffer]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const auto detach = [](auto& b) {
    return test::has_memory([&] { static_cast<void>(b.detach()); });
  };
  const auto share = [](auto& b) {
    return test::has_memory([&] { static_cast<void>(b.detach_shared()); });
  };
  walk<TestType, 64>(20, detach);
  walk<TestType, 64>(20, share);
  // A block without 64 spare bytes has its count elsewhere.
  std::size_t refused = 0;
  for (std::size_t n = 1; n != 10; ++n) {
    test::byte_fixture<TestType> pool;
    {
      test::writer_of<TestType> b(*pool);
      b.append(text_of(128));
      pool.source.fail_from(n);  // a single failure is not enough: the pool asks again
      const bool done = share(b);
      pool.source.never_fail();
      if (!done) {
        ++refused;
        CHECK(b.view() == text_of(128));
        CHECK(share(b));
      }
      CHECK(b.empty());
    }
    CHECK(pool.imbalance() == "");
  }
  CHECK(refused != 0);
}

TEMPLATE_LIST_TEST_CASE("shrinking without memory does nothing", "[fast_buffer]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool);
  b.append(text_of(1500));
  b.reserve(mib);
  const auto* const place = b.data();
  pool.source.fail_from(1);
  // The pool may or may not serve it from its idle blocks.
  b.shrink_to_fit();
  pool.source.never_fail();
  CHECK(b.view() == text_of(1500));
  CHECK((b.data() == place ? b.capacity() == mib : b.capacity() == 2048));
}

TEMPLATE_LIST_TEST_CASE("a concurrent append that fails has appended nothing", "[fast_buffer]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (const auto written : sizes) {
    for (std::size_t n = 1; n != 50; ++n) {
      INFO("fails at call " << n << ", " << written << " bytes written");
      test::byte_fixture<TestType> pool;
      bool failed = false;
      {
        test::policy_writer_of<TestType> b(*pool);
        b.append(text_of(written));
        pool.source.fail_from(n);
        const bool done = test::has_memory([&] { b.append(text_of(mib), text_of(7)); });
        failed = pool.source.failures() != 0;
        CHECK(done != failed);
        if (failed) {
          CHECK(b.size() == written);
          CHECK_FALSE(b.try_append(text_of(mib)));
          pool.source.never_fail();
          b.append("still open");
          const auto out = b.take();
          CHECK(out.view() == text_of(written) + "still open");
        } else {
          const auto out = b.take();
          CHECK(out.view() == text_of(written) + text_of(mib) + text_of(7));
        }
        pool.source.never_fail();
      }
      CHECK(pool.imbalance() == "");
      if (!failed) break;
      REQUIRE(n != 49);
    }
  }
}
