// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstring>
#include <functional>

#include <tarn/byte_hash.hpp>
#include <tarn/byte_pool.hpp>
#include <tarn/byte_reader.hpp>
#include <tarn/chain.hpp>

#include "combinations.hpp"

namespace {

struct chain_case {
  template <class Policy>
  static void run() {
    tarn::byte_pool<typename Policy::lock, typename Policy::stats> pool;
    auto held = pool.get_shared(100);
    std::memset(held.make_unique().data(), 0x5a, held.size());
    {
      // By content, however it is cut.
      tarn::basic_chain<typename Policy::lock, typename Policy::stats> chain(pool, 0);
      chain.append(held.slice(60));
      chain.prepend(held.slice(0, 20));
      chain.append(held.slice(held.bytes().subspan(20, 40)));
      CHECK(held.ref_count() == 4);
      CHECK(chain == held);
      CHECK(chain.fair_share_bytes() == 3 * held.fair_share_bytes());
      CHECK(chain.slice(0, 50) < held);
      CHECK(tarn::byte_hash()(chain) == std::hash<decltype(held)>()(held));
      tarn::basic_byte_reader in(chain);
      CHECK(in.template read_be<std::uint16_t>() == 0x5a5a);
      CHECK(in.read(90) == held.slice(10));
      CHECK_FALSE(in.try_read(9));
    }
    CHECK(held.unique());
    held.release();
    CHECK(pool.occupancy().in_use() == 0);
  }
};

const bool chain_registered =
    test::register_all<chain_case>("chain", static_cast<const test::every_pair*>(nullptr));

}  // namespace
