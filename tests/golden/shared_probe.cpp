// SPDX-License-Identifier: MIT
//
// This file is always compiled with -O2, as probes.cpp.

#include "shared_probe.hpp"

#include <mutex>

namespace golden {

template <class Pool>
void shared(void* pool, void*, std::size_t) {
  const auto b = static_cast<Pool*>(pool)->get_shared(1024);
  asm volatile("" : : "r"(b.data()) : "memory");
}

template <class Lock>
struct probes_of {
  static constexpr void (*all[])(void*, void*, std::size_t) = {
      shared<tarn::byte_pool<Lock, tarn::no_stats>>, shared<tarn::byte_pool<Lock>>,
      shared<tarn::byte_pool<Lock, hardly_following>>};
};
template struct probes_of<tarn::no_lock>;
template struct probes_of<std::mutex>;
template struct probes_of<tarn::spin_lock>;
template struct probes_of<tarn::lock_free>;
template struct probes_of<tarn::thread_cached<>>;

}  // namespace golden
