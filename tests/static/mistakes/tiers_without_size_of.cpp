// SPDX-License-Identifier: MIT
// says: the tier table needs count(), size_of(std::size_t) and tier_for(std::size_t), const, which
// return a std::size_t
#include <tarn/byte_pool.hpp>

struct own_tiers {
  static constexpr bool is_static = true;
  static constexpr std::size_t count() noexcept { return 1; }
  static constexpr std::size_t tier_for(std::size_t n) noexcept { return n > 100; }
};
tarn::byte_pool_of<own_tiers> pool;
