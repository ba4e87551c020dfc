// SPDX-License-Identifier: MIT
// says: the tier table needs a static constexpr bool is_static: true if all its values are the same
// table
#include <tarn/byte_pool.hpp>

struct own_tiers {
  static constexpr std::size_t count() noexcept { return 1; }
  static constexpr std::size_t size_of(std::size_t) noexcept { return 100; }
  static constexpr std::size_t tier_for(std::size_t n) noexcept { return n > 100; }
};
tarn::byte_pool_of<own_tiers> pool;
