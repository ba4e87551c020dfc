// SPDX-License-Identifier: MIT
//
// Stats policies: what a pool counts. A policy of your own:
//
//   struct byte_stats : tarn::counting_stats {
//     template <class Counter>
//     struct recorder : tarn::counting_stats::recorder<Counter> {
//       void on_get(unsigned, std::size_t size) noexcept { asked.add(size); }
//       Counter asked;
//     };
//   };

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/frontend/native_env.hpp>

namespace tarn {

/// A stats policy.
///
/// `counts`: true if the pool counts gets and puts; `snapshot()` exists only then.
/// `recorder<Counter>`: a default-constructible type that is told every request. The pool makes one
/// per thread, for the gets and puts of that thread. State that several threads share (in any pool
/// but a thread-cached one) has one recorder for all. `Counter` is the right kind of number for
/// both: `add(n)` returns the previous value, any thread may call `read()`.
///
/// `on_get(tier, size)`, `on_put(tier)` and `on_oversize(size)` run on the hit path, outside every
/// lock. They must not throw, block or use the pool. Read them with `pool.for_each_recorder`.
///
/// A get is reported after it was served, and after its object was made: the numbers of a recorder
/// never fall.
///
/// A fast_buffer has one recorder, which moves with it. Appends that fit call nothing. The buffer
/// calls `on_get(tier, size)` for a block that it takes from its pool or by `attach`: `size` is the
/// number of bytes that made it do so. It calls `on_put(tier)` for a block that it gives back or
/// hands out, and `on_oversize(size)` in place of both if the block is larger than all tiers. If
/// the recorder has `on_content(size)`, that is called for each content of `size` bytes, not 0,
/// that is detached, taken, cleared, replaced by `attach`, or ends with the buffer.
///
/// A policy with `samples<Env, IsShared>`, a table of blocks, follows some blocks until their puts
/// (see `live_blocks`), and has a recorder per thread in any pool that threads share. The pool asks
/// `number()`, the number of the recorder's next get, before each get. If `is_due(number)`, the
/// pool calls `choose(always)` before `on_get`; that returns the number of gets that this one
/// stands for, or 0. For other gets the pool calls `on_get(tier, size, number)`. If the recorder
/// has `is_timed()`, a get that is due, or no hit, asks it first whether to read the clock; the
/// time of a get that is followed then counts for 4 followed ones, or for itself if it stands for
/// less than 4 gets. If threads share their caches, the pool reports puts to one recorder for all.
template <class S>
concept stats_policy =
    requires(typename S::template recorder<detail::shared_counter<detail::native_env>>& recorder,
             std::uint32_t tier, std::size_t size) {
      { S::counts } -> std::convertible_to<bool>;
      requires noexcept(recorder.on_get(tier, size));
      requires noexcept(recorder.on_put(tier));
      requires noexcept(recorder.on_oversize(size));
    };

/// Counts nothing and costs nothing.
struct no_stats {
  static constexpr bool counts = false;

  template <class Counter>
  struct recorder {
    static void on_get(std::uint32_t, std::size_t) noexcept {}
    static void on_put(std::uint32_t) noexcept {}
    static void on_oversize(std::size_t) noexcept {}
  };
};

/// Counts gets, puts, hits and misses per tier. The default.
///
/// In a thread-cached pool the count shares a word with the fill level that the hit path writes
/// anyway, so it costs one addition and no cache line.
struct counting_stats {
  static constexpr bool counts = true;

  template <class Counter>
  using recorder = no_stats::recorder<Counter>;
};

}  // namespace tarn
