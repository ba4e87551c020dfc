// SPDX-License-Identifier: MIT
#include <cstddef>
#include <string>

#include <tarn/unsized_pool.hpp>

#include "combinations.hpp"

namespace {

struct unsized_pool_case {
  template <class Policy>
  static void run() {
    tarn::unsized_pool<typename Policy::lock, typename Policy::stats> pool;
    const std::byte* first = nullptr;
    {
      auto b = pool.get();
      CHECK(b.empty());
      CHECK(b.capacity() == 4096);
      first = b.data();
      pool.append(b, std::string(4000, 'a'));
      CHECK(b.data() == first);
      pool.append(b, std::string(97, 'b'));
      CHECK(b.capacity() == 8192);
      CHECK(b.view() == std::string(4000, 'a') + std::string(97, 'b'));
      CHECK(pool.sized().occupancy().in_use() == 1);
    }
    CHECK(pool.get().data() == first);
    CHECK(pool.get(9000).capacity() == 16384);
    CHECK(pool.sized().occupancy().in_use() == 0);
    if constexpr (Policy::stats::counts) CHECK(pool.sized().snapshot().total().gets == 4);
    if constexpr (tarn::is_concurrent_v<typename Policy::lock>) {
      CHECK(pool.get_for(9000, {}).capacity() == 16384);
    }
  }
};

const bool unsized_pool_registered = test::register_all<unsized_pool_case>(
    "unsized_pool", static_cast<const test::every_pair*>(nullptr));

}  // namespace
