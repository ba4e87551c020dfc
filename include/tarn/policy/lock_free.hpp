// SPDX-License-Identifier: MIT
//
// lock_free: no thread waits for another one that was stopped.
//
//   tarn::byte_pool<tarn::lock_free> pool;  // for threads that may be stopped anywhere

#pragma once

#include <tarn/detail/frontend/lock_free_front.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/lock.hpp>

namespace tarn {

/// One free list per tier that needs no lock: a thread that is stopped anywhere stops no other
/// thread.
///
/// A mutex guards growth and trimming. A get that finds no block while another thread grows or
/// trims the tier waits for that thread.
struct lock_free {};

template <>
struct lock_traits<lock_free> {
  using env = detail::native_env;
  using shape = detail::lock_free_shape;
  using depot_lock = env::mutex;
};

}  // namespace tarn
