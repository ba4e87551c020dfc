// SPDX-License-Identifier: MIT
//
// What a pool counts. A policy of your own:
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

/// An observer of a pool.
///
/// `counts`: whether the pool keeps the numbers of gets and puts; `snapshot()` exists only then.
/// `recorder<Counter>`: a default-constructible type that sees every request. The pool makes one
/// per thread and tells it of that thread's gets and puts; what several threads share (any pool
/// but a thread-cached one) has one for all. `Counter` is the right kind of number for either:
/// `add(n)` returns the value before, `read()` may be called from any thread.
///
/// `on_get(tier, size)`, `on_put(tier)` and `on_oversize(size)` run on the hit path, outside every
/// lock; they must not throw, block or use the pool. Read them with `pool.for_each_recorder`.
///
/// A get is told when it has been served, of an object that is made for it, once it is made: what a
/// recorder counts never falls.
///
/// A policy with `samples<Env, IsShared>`, a table of blocks, follows some until their puts (see
/// `live_blocks`), and has a recorder per thread in any pool that threads share. `number()` is then
/// that of the recorder's next get, asked before each; `is_due(number)` whether it is looked at;
/// `choose(always)`, asked before `on_get` for one that is, for how many gets it stands, or 0. Of
/// the others the pool tells `on_get(tier, size, number)`; of puts, where threads share their
/// caches, it tells one recorder for all.
template <class S>
concept stats_policy =
    requires(typename S::template recorder<detail::shared_counter<detail::native_env>>& recorder,
             std::uint32_t tier, std::size_t size) {
      { S::counts } -> std::convertible_to<bool>;
      requires noexcept(recorder.on_get(tier, size));
      requires noexcept(recorder.on_put(tier));
      requires noexcept(recorder.on_oversize(size));
    };

/// Observes nothing and costs nothing.
struct no_stats {
  static constexpr bool counts = false;

  template <class Counter>
  struct recorder {
    static void on_get(std::uint32_t, std::size_t) noexcept {}
    static void on_put(std::uint32_t) noexcept {}
    static void on_oversize(std::size_t) noexcept {}
  };
};

/// Counts gets, puts, hits and misses per tier: the default.
///
/// In a thread-cached pool a count shares the word of the fill level that the hit path writes
/// anyway, so it costs one addition and no cache line.
struct counting_stats {
  static constexpr bool counts = true;

  template <class Counter>
  using recorder = no_stats::recorder<Counter>;
};

}  // namespace tarn
