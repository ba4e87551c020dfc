// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>

#include <tarn/byte_hash.hpp>
#include <tarn/byte_pool.hpp>
#include <tarn/byte_reader.hpp>
#include <tarn/chain.hpp>

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
      CHECK(other.slice(50)[49] == std::byte{0x5a});
      auto lease = other.writable_lease();
      lease.bytes()[99] = std::byte{0x5a};
      CHECK(held.ref_count() == 3);
    }
    CHECK(held.unique());
    CHECK(pool.occupancy().in_use() == 1);
    {
      // By content, however it is cut.
      tarn::basic_chain<typename Policy::lock, typename Policy::stats> chain(pool, 0);
      chain.append(held.slice(60));
      chain.prepend(held.slice(0, 20));
      chain.append(held.slice(held.bytes().subspan(20, 40)));
      CHECK(chain == held);
      CHECK(chain.slice(0, 50) < held);
      CHECK(tarn::byte_hash()(chain) == std::hash<decltype(held)>()(held));
      tarn::basic_byte_reader in(chain);
      CHECK(in.template read_be<std::uint16_t>() == 0x5a5a);
      CHECK(in.read(90) == held.slice(10));
      CHECK_FALSE(in.try_read(9));
    }
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

const bool registered = test::register_all<shared_buffer_case>(
    "shared_buffer", static_cast<const test::every_pair*>(nullptr));

}  // namespace
