// SPDX-License-Identifier: MIT
// says: fast_buffer: it may be moved, so the recorder of its stats policy must be movable
#include <tarn/fast_buffer.hpp>

#include <atomic>

struct own_stats {
  static constexpr bool counts = true;
  template <class Counter>
  struct recorder {
    void on_get(std::uint32_t, std::size_t) noexcept { ++gets; }
    void on_put(std::uint32_t) noexcept {}
    void on_oversize(std::size_t) noexcept {}
    std::atomic<int> gets = 0;
  };
};
tarn::basic_fast_buffer<tarn::no_lock, own_stats> text;
