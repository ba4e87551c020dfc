// SPDX-License-Identifier: MIT
//
// A pool whose source can be held up, used by the program and by a library.

#pragma once

#include <atomic>
#include <cstddef>
#include <new>

#include <tarn/tarn.hpp>

namespace modules {

/// Lets the next allocation wait until it is let go.
struct held_up {
  std::atomic<bool> holds{false};
  std::atomic<bool> is_inside{false};
};
struct held_up_source {
  held_up* state = nullptr;
  void* allocate(std::size_t bytes, std::size_t alignment) {
    if (state->holds) {
      state->is_inside = true;
      while (state->holds)
        tarn::detail::yield_thread();
    }
    return ::operator new(bytes, std::align_val_t{alignment});
  }
  void deallocate(void* p, std::size_t, std::size_t alignment) noexcept {
    ::operator delete(p, std::align_val_t{alignment});
  }
};
using waiting_pool =
    tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, held_up_source>>;

}  // namespace modules
