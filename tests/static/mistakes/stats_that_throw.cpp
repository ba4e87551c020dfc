// SPDX-License-Identifier: MIT
// says: the recorder of the stats policy needs on_get(std::uint32_t tier, std::size_t size)
// noexcept
#include <tarn/byte_pool.hpp>

struct own_stats {
  static constexpr bool counts = true;
  template <class Counter>
  struct recorder {
    void on_get(std::uint32_t, std::size_t) {}
    void on_put(std::uint32_t) noexcept {}
    void on_oversize(std::size_t) noexcept {}
  };
};
tarn::byte_pool<tarn::no_lock, own_stats> pool;
