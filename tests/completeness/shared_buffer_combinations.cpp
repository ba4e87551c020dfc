// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstring>
#include <utility>

#include <tarn/byte_pool.hpp>

#include "combinations.hpp"

namespace {

struct shared_buffer_case {
  template <class Policy>
  static void run() {
    tarn::byte_pool<typename Policy::lock, typename Policy::stats> pool;
    auto held = pool.get_shared(100);
    std::memset(held.make_unique().data(), 0x5a, held.size());
    {
      const auto other = held;
      CHECK(held.ref_count() == 2);
      CHECK(other.fair_share_bytes() == held.retained_bytes() / 2);
      CHECK(other.slice(50)[49] == std::byte{0x5a});
      auto lease = other.writable_lease();
      lease.bytes()[99] = std::byte{0x5a};
      CHECK(held.ref_count() == 3);
    }
    CHECK(held.unique());
    CHECK(pool.occupancy().in_use() == 1);
    held.remove_prefix(10);
    held.truncate(50);
    auto thawed = held.thaw();
    CHECK(thawed.size() == 50);
    thawed.remove_suffix(10);
    held = tarn::freeze(std::move(thawed));
    CHECK(held.size() == 40);
    held.release();
    CHECK(pool.occupancy().in_use() == 0);
    if constexpr (Policy::stats::counts) {
      CHECK(pool.snapshot().retains == pool.snapshot().releases);
      CHECK(pool.snapshot().retains > 2);
    }
  }
};

const bool shared_buffer_registered = test::register_all<shared_buffer_case>(
    "shared_buffer", static_cast<const test::every_pair*>(nullptr));

}  // namespace
