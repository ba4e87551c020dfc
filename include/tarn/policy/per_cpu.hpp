// SPDX-License-Identifier: MIT
//
// per_cpu: a cache per processor instead of one per thread.
//
//   tarn::byte_pool<tarn::per_cpu<>> pool;  // a thousand threads, as much idle memory as two

#pragma once

#include <tarn/detail/frontend/per_cpu_front.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/lock.hpp>

namespace tarn {

/// A small cache per processor in front of depots that `L` guards: for many more threads than
/// processors.
///
/// Idle memory depends on the number of processors alone. What a sleeping thread has put is there
/// for the next thread, and `close`, `trim` and `drain` take all idle memory back at once, whatever
/// thread calls. A thread keeps nothing of such a pool, so its end costs nothing.
///
/// A hit is a restartable sequence (Linux on x86-64 and aarch64, glibc from 2.35 on): no lock and
/// no atomic read-modify-write. Where the process has none (other systems, valgrind,
/// ThreadSanitizer, `GLIBC_TUNABLES=glibc.pthread.rseq=0`) each cache has a lock that no thread
/// waits for: a hit is one atomic exchange, and a thread that finds it taken goes to the depot.
/// This is decided once, at run time.
///
/// Preconditions: `L` is concurrent.
template <class L>
struct per_cpu {
  static_assert(is_concurrent_v<L>, "the depots of per_cpu are shared: they need a real lock");
};

template <class L>
struct lock_traits<per_cpu<L>> {
  using env = typename detail::env_of<L>::type;
  using shape = detail::per_cpu_shape;
  using depot_lock = L;
};

}  // namespace tarn
