// SPDX-License-Identifier: MIT
//
// recording_stats: what is asked for, who holds it, and for how long.
//
//   tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats> pool;
//   pool.snapshot().recent_lengths;               // the last 256 sizes
//   pool.live_blocks();                           // who holds what, by call site: one in 128 gets

#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tarn/detail/base/tier_lookup.hpp>
#include <tarn/detail/samples/sample_table_slow.hpp>
#include <tarn/detail/samples/unshared.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/stats.hpp>
#include <tarn/value/made_ring.hpp>
#include <tarn/value/size_buckets.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

/// Counts like `counting_stats` and remembers what was asked for: the last `RecentLengths` sizes,
/// a histogram of all (larger ones than any tier included) and their sum for each tier.
///
/// One get in `SampleEvery` is followed until its put: who got it, its size, how long it was out;
/// 1 follows all. From these come `live_blocks()` and `snapshot::lifetimes`. With each of them it
/// is seen how many blocks of the tier are in use: `tier_snapshot::most_in_use`.
///
/// Each thread records by itself, whatever the lock. The order of the recent sizes is exact within
/// a thread; sizes of different threads stand one thread after the other. Threads that have no
/// recorder (they are ending, there is no memory, or the pool is `thread_cached` with a `capacity`)
/// share one; where they meet in it, one of the recent sizes may be missing and a get be followed
/// twice as often or not; histogram and sums are exact.
/// How long blocks are out is measured for one in four of those that are followed, if these are
/// few; the age of the others is right to some milliseconds.
/// Cost: four stores per get and a look at one byte per put; the memory is 5 KiB per thread and
/// pool, and 150 KiB per pool for the blocks that are followed.
template <std::size_t RecentLengths, std::size_t SampleEvery>
struct basic_recording_stats : counting_stats {
  static_assert(RecentLengths >= 1, "a ring of recent lengths must hold at least one");
  static_assert(SampleEvery >= 1, "one get in so many is followed: 1 follows them all");

  static constexpr std::size_t sample_every = SampleEvery;

  template <class Env, bool IsShared>
  using samples =
      detail::sample_table<std::conditional_t<IsShared, Env, detail::unshared_env<Env>>>;

  template <class Counter>
  class recorder {
   public:
    void on_get(std::uint32_t tier, std::size_t size) noexcept { on_get(tier, size, number()); }
    /// The same for a get whose number is known.
    void on_get(std::uint32_t tier, std::size_t size, std::uint64_t number) noexcept {
      record(size, number);
      if (tier < detail::max_tiers) [[likely]]
        requested_[tier].add(size);
    }
    static void on_put(std::uint32_t) noexcept {}
    void on_oversize(std::size_t size) noexcept { record(size, number()); }
    /// The number of the next request.
    [[nodiscard]] std::uint64_t number() const noexcept { return next_.read(); }
    /// Whether that has to be looked at.
    [[nodiscard]] bool is_due(std::uint64_t number) const noexcept { return number >= due_.read(); }
    /// Looks at it. `always`: the one after it is due as well.
    /// Returns: for how many gets it stands, if it is to be followed; else 0.
    std::uint64_t choose(bool always) noexcept {
      const auto number = next_.read();
      const auto turn = number / SampleEvery;
      // One that went by told nobody; and at first none is chosen.
      const auto known = chosen_.read();
      const auto chosen = number < known ? known - 1 : chosen_in(turn);
      const auto next = number < chosen ? chosen : chosen_in(turn + 1);
      chosen_.set(next + 1);
      due_.set(always ? number + 1 : next);
      return number == chosen ? SampleEvery : 0;
    }

    /// Adds what this recorder saw.
    void collect(snapshot& into) const {
      for (std::size_t i = 0; i < detail::max_tiers && i < into.tiers.size(); ++i)
        into.tiers[i].requested_bytes += requested_[i].read();
      into.size_histogram.resize(size_buckets::count);
      for (std::size_t i = 0; i != size_buckets::count; ++i) {
        into.size_histogram[i] += histogram_[i].read();
      }
      const auto end = next_.read();
      const auto begin = end < RecentLengths ? 0 : end - RecentLengths;
      for (auto i = begin; i != end; ++i) {
        into.recent_lengths.push_back(static_cast<std::size_t>(recent_[i % RecentLengths].read()));
      }
      if (const auto all = into.recent_lengths.size(); all > RecentLengths) {
        into.recent_lengths.erase(
            into.recent_lengths.begin(),
            into.recent_lengths.begin() + static_cast<std::ptrdiff_t>(all - RecentLengths));
      }
    }

   private:
    void record(std::size_t size, std::uint64_t number) noexcept {
      // Not `add`: where the recorder is shared that would be one more read-modify-write, for a
      // number that only says which of the recent sizes is the oldest.
      next_.set(number + 1);
      recent_[number % RecentLengths].set(size);
      histogram_[size_buckets::bucket_of(size)].add(1);
    }

    /// The request that is chosen of the `turn`th `SampleEvery` ones, anywhere among them: a load
    /// that repeats itself would else show the same request again and again.
    [[nodiscard]] std::uint64_t chosen_in(std::uint64_t turn) const noexcept {
      // The finaliser of splitmix64; recorders differ by where they lie.
      auto x = (turn ^ reinterpret_cast<std::uintptr_t>(this)) * 0xbf58476d1ce4e5b9u;
      x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
      return turn * SampleEvery + (x ^ (x >> 31)) % SampleEvery;
    }

    Counter recent_[RecentLengths];
    Counter next_;
    Counter due_;     // the next one that has to be looked at
    Counter chosen_;  // the next one that is followed, plus one
    Counter histogram_[size_buckets::count];
    Counter requested_[detail::max_tiers];
  };
};

}  // namespace tarn
