// SPDX-License-Identifier: MIT
//
// The share of each owner of shared bytes: together they are what is kept from reuse, once.

#include <array>
#include <cstddef>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/chain.hpp>
#include <tarn/shared_buffer.hpp>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

template <class P>
using pool_for = tarn::byte_pool<typename P::lock, typename P::stats>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("the only owner has all bytes, two have half each", "[shared_buffer]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  auto a = pool.get_shared(1000);
  CHECK(a.fair_share_bytes() == a.retained_bytes());
  {
    const auto b = a;
    CHECK(a.fair_share_bytes() == a.retained_bytes() / 2);
    CHECK(b.fair_share_bytes() == a.fair_share_bytes());
    const auto small_part = a.slice(10, 20);  // a slice keeps as much as any owner
    CHECK(small_part.fair_share_bytes() == (a.retained_bytes() + 2) / 3);
  }
  CHECK(a.fair_share_bytes() == 1024);
  const auto kept = pool.get_shared(1024).retained_bytes();  // a block and a node
  CHECK(pool.get_shared(1024).fair_share_bytes() == kept);
}

TEMPLATE_LIST_TEST_CASE("the shares of all owners are the kept bytes, up to a byte for each",
                        "[shared_buffer]", test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  for (std::size_t owners = 1; owners != 40; ++owners) {
    const std::vector<decltype(pool.get_shared(1))> all(owners, pool.get_shared(2000));
    std::size_t sum = 0;
    for (const auto& one : all)
      sum += one.fair_share_bytes();
    CHECK(sum >= all[0].retained_bytes());
    CHECK(sum < all[0].retained_bytes() + owners);
  }
}

TEMPLATE_LIST_TEST_CASE("empty handles and static bytes have no share, adopted bytes have one",
                        "[shared_buffer]", test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  using shared = decltype(pool.get_shared(1));
  CHECK(shared().fair_share_bytes() == 0);
  static constexpr std::array<std::byte, 100> constant{};
  CHECK(shared::of_static(constant).fair_share_bytes() == 0);
  std::array<std::byte, 1000> mine{};
  const auto adopted = pool.adopt(mine, [] {});
  const auto other = adopted;
  CHECK(adopted.fair_share_bytes() == adopted.retained_bytes() / 2);
}

TEMPLATE_LIST_TEST_CASE("a chain counts a block once, however many of its pieces are of it",
                        "[chain]", test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  using chain = tarn::basic_chain<typename TestType::lock, typename TestType::stats>;
  chain c;
  CHECK(c.fair_share_bytes() == 0);
  {
    const auto whole = pool.get_shared(mib - 64);
    c.append(whole.slice(0, 100'000));
    c.append(whole.slice(500'000, 100'000));
    CHECK(c.fair_share_bytes() == 2 * ((mib + 2) / 3));  // a third is that of `whole`
  }
  REQUIRE(c.pieces() == 2);
  CHECK(c.retained_bytes() == 2 * mib);
  CHECK(c.fair_share_bytes() == mib);
  const auto copy = c;
  CHECK(c.fair_share_bytes() == mib / 2);
  CHECK(c.fair_share_bytes() + copy.fair_share_bytes() == mib);
}
