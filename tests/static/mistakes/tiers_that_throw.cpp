// SPDX-License-Identifier: MIT
// says: count(), size_of() and tier_for() of the tier table must be noexcept
#include <tarn/byte_pool.hpp>

struct own_tiers {
  static constexpr bool is_static = true;
  static constexpr std::size_t count() noexcept { return 1; }
  static constexpr std::size_t size_of(std::size_t) noexcept { return 100; }
  static constexpr std::size_t tier_for(std::size_t n) { return n > 100; }
};
tarn::byte_pool_of<own_tiers> pool;
