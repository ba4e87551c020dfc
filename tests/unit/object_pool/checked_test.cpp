// SPDX-License-Identifier: MIT
//
// The misuses that `checked` finds in a pool of objects, before any reset or destructor runs.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <tarn/object_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

using tarn::misuse;
using test::tracked;

template <class P>
using kept_pool = tarn::object_pool<
    tracked, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::keep_objects<>, tarn::checked, test::failing_source>>;
template <class P>
using built_pool = tarn::object_pool<
    tracked, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::build_objects, tarn::checked, test::failing_source>>;

template <class Pool>
tracked* take(Pool& pool) {
  if constexpr (Pool::keeps_objects) {
    return pool.get().detach();
  } else {
    return pool.make().detach();
  }
}

std::size_t heard = 0;
void listen(const tarn::misuse_report& report) noexcept { heard += report.size == sizeof(tracked); }

template <class Pool>
std::uint64_t count(const Pool& pool, misuse kind) {
  return pool.snapshot().misuses[static_cast<std::size_t>(kind)];
}

template <class Pool>
void find_every_misuse() {
  test::failing_source source;
  tracked::start();
  heard = 0;
  const auto before = tarn::set_misuse_handler(listen);
  {
    Pool pool({}, {}, source);
    Pool other({}, {}, source);
    tracked* const a = take(pool);
    tracked* const b = take(other);
    alignas(tracked) std::byte foreign[sizeof(tracked)] = {};

    pool.put(static_cast<tracked*>(nullptr));  // ignored
    pool.put(reinterpret_cast<tracked*>(foreign));
    CHECK(count(pool, misuse::foreign) == 1);
    pool.put(reinterpret_cast<tracked*>(reinterpret_cast<std::byte*>(a) + 1));
    CHECK(count(pool, misuse::interior) == 1);
    pool.put(b);
    CHECK(count(pool, misuse::wrong_pool) == 1);
    CHECK(pool.snapshot().total().in_use == 1);
    pool.put(a);
    CHECK(heard == 3);
    pool.put(a);
    CHECK(count(pool, misuse::double_put) == 1);
    CHECK(heard == 4);
    CHECK(pool.snapshot().total().in_use == 0);

    // No object is handed out twice, and a block is valid again after its next get.
    tracked* const c = take(pool);
    tracked* const d = take(pool);
    CHECK(c != d);
    pool.put(c);
    tracked* const e = take(pool);
    pool.put(e);
    CHECK(count(pool, misuse::double_put) == 1);
    CHECK(test::imbalance(pool) == "");

    pool.close();
    pool.put(d);  // late: it is reported, and taken all the same
    CHECK(count(pool, misuse::after_close) == 1);
    CHECK(count(pool, misuse::null) == 0);
    CHECK(pool.snapshot().total().in_use == 0);
    other.put(b);
    for (const auto n : other.snapshot().misuses)
      CHECK(n == 0);
  }
  tarn::set_misuse_handler(before);
  CHECK(tracked::alive() == 0);
  CHECK(tracked::faults() == 0);
  CHECK(source.live_bytes() == 0);
}

struct moody {
  static inline bool throws = false;
  moody() {
    if (throws) throw std::runtime_error("not now");
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a checked pool of kept objects finds every misuse", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  find_every_misuse<kept_pool<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("a checked pool of built objects finds every misuse", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  find_every_misuse<built_pool<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("handles, bulks and failed objects are no misuse", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  const auto check = [](auto& pool, auto&& take_one) {
    for (int round = 0; round != 3; ++round) {
      moody::throws = false;
      auto kept = take_one(pool);
      moody::throws = true;
      try {
        auto a = take_one(pool);
        auto b = take_one(pool);
      } catch (const std::runtime_error&) {
      }
    }
    moody::throws = false;
    for (int i = 0; i != 10; ++i)
      pool.put(take_one(pool).detach());
    pool.trim();
    CHECK(test::imbalance(pool) == "");
    CHECK(pool.snapshot().total().in_use == 0);
    for (const auto n : pool.snapshot().misuses)
      CHECK(n == 0);
  };
  using lock = typename TestType::lock;
  tarn::object_pool<moody, lock, tarn::counting_stats,
                    tarn::object_traits<tarn::keep_objects<>, tarn::checked>>
      kept;
  check(kept, [](auto& pool) { return pool.get(); });
  tarn::object_pool<moody, lock, tarn::counting_stats,
                    tarn::object_traits<tarn::build_objects, tarn::checked>>
      built;
  check(built, [](auto& pool) { return pool.make(); });
}
