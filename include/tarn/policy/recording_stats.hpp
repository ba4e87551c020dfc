// SPDX-License-Identifier: MIT
//
// recording_stats: the requested sizes, the call sites of live blocks, their lifetimes, and the
// times of gets.
//
//   tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats> pool;
//   pool.snapshot().recent_lengths;               // the last 256 sizes
//   pool.live_blocks();                           // live blocks by call site: one in 128 gets
//
// In a fast_buffer: the sizes of its contents, and its blocks by tier, see `history()`.

#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tarn/detail/base/tier_lookup.hpp>
#include <tarn/detail/samples/sample_table_slow.hpp>
#include <tarn/detail/samples/unshared.hpp>
#include <tarn/detail/writing/write_record.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/stats.hpp>
#include <tarn/value/fast_buffer_options.hpp>
#include <tarn/value/made_ring.hpp>
#include <tarn/value/size_buckets.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

/// Counts as `counting_stats`, and records requested sizes: the last `RecentLengths` sizes, a
/// histogram of all sizes (also above the last tier), and their sum for each tier.
///
/// It follows one get in `SampleEvery` until its put: its call site, its size, its lifetime; 1
/// follows all gets. `live_blocks()` and `snapshot::lifetimes` come from these. At each followed
/// get it reads how many blocks of the tier are in use: `tier_snapshot::most_in_use`.
///
/// Each thread has its own recorder, whatever the lock. The order of the recent sizes is exact
/// within a thread; the sizes of different threads are listed one thread after the other. Threads
/// without a recorder (they are ending, there is no memory, or the pool is `thread_cached` with a
/// `capacity`) share one. If they use it at the same time, a recent size may be missing, and a get
/// may be followed twice as often or not at all; histogram and sums are exact.
/// If few gets are followed, the lifetime of one in four of them is measured; the age of the others
/// is right to some milliseconds.
///
/// It also measures how long gets take until they are served, for `snapshot::acquire_times`: one
/// followed get in four if few are followed, else each, and each get above the last tier. The time
/// includes growth, locks, the making of an object that the pool keeps, and one look at the clock.
/// It leaves out the instructions of a hit before the get is known to be due, waiting at a bound
/// (see `snapshot::waiting_times`), and zeroing. Gets that are refused, and gets of many blocks at
/// once, are not timed.
///
/// Cost: four stores per get and a look at one byte per put; 5 KiB of memory per thread and pool,
/// and 150 KiB per pool for the followed blocks.
///
/// A fast_buffer records its contents and its blocks instead: `fast_buffer::history`. Appends that
/// fit pay nothing, but the object is 5 KiB larger, and its moves copy that; a smaller
/// `RecentLengths` saves 8 bytes for each size.
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
    /// Records a get whose number is known.
    void on_get(std::uint32_t tier, std::size_t size, std::uint64_t number) noexcept {
      record(size, number);
      if (tier < detail::max_tiers) [[likely]]
        requested_[tier].add(size);
    }
    static void on_put(std::uint32_t) noexcept {}
    void on_oversize(std::size_t size) noexcept { record(size, number()); }
    /// The number of the next get.
    [[nodiscard]] std::uint64_t number() const noexcept { return next_.read(); }
    /// True if `choose` has to be called for this get.
    [[nodiscard]] bool is_due(std::uint64_t number) const noexcept { return number >= due_.read(); }
    /// Whether the next get is timed, if it is followed: where few are followed, one in four is.
    [[nodiscard]] bool is_timed() const noexcept {
      const auto number = next_.read();
      return number + 1 >= chosen_.read() &&
             number / SampleEvery % detail::samples_per_time(SampleEvery) == 0;
    }
    /// Decides whether the next get is followed. `always`: the get after it is due as well.
    /// Returns: the number of gets that it stands for, if it is followed; else 0.
    std::uint64_t choose(bool always) noexcept {
      const auto number = next_.read();
      const auto turn = number / SampleEvery;
      // A chosen get may have passed without a call; and at first none is chosen.
      const auto known = chosen_.read();
      const auto chosen = number < known ? known - 1 : chosen_in(turn);
      const auto next = number < chosen ? chosen : chosen_in(turn + 1);
      chosen_.set(next + 1);
      due_.set(always ? number + 1 : next);
      return number == chosen ? SampleEvery : 0;
    }

    /// Adds the numbers of this recorder.
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
      // Not `add`: on a shared recorder that would be one more read-modify-write, for a number that
      // only tells which recent size is the oldest.
      next_.set(number + 1);
      recent_[number % RecentLengths].set(size);
      histogram_[size_buckets::bucket_of(size)].add(1);
    }

    /// The chosen get of the `turn`th group of `SampleEvery` gets: a random one of the group. A
    /// fixed one would follow the same get again and again in a periodic load.
    [[nodiscard]] std::uint64_t chosen_in(std::uint64_t turn) const noexcept {
      // The finaliser of splitmix64; the address makes recorders differ.
      auto x = (turn ^ reinterpret_cast<std::uintptr_t>(this)) * 0xbf58476d1ce4e5b9u;
      x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
      return turn * SampleEvery + (x ^ (x >> 31)) % SampleEvery;
    }

    Counter recent_[RecentLengths];
    Counter next_;
    Counter due_;     // the next get to call `choose` for
    Counter chosen_;  // the next get to follow, plus one
    Counter histogram_[size_buckets::count];
    Counter requested_[detail::max_tiers];
  };
};

namespace detail {

/// What recording_stats records of a fast_buffer.
template <class Counter, std::size_t RecentLengths>
class written_sizes {
 public:
  void on_get(std::uint32_t tier, std::size_t) noexcept { blocks_[tier].add(1); }
  static void on_put(std::uint32_t) noexcept {}
  void on_oversize(std::size_t) noexcept { large_blocks_.add(1); }
  void on_content(std::size_t size) noexcept {
    recent_[contents_.add(1) % RecentLengths].set(size);
    histogram_[size_buckets::bucket_of(size)].add(1);
  }

  /// If other threads record meanwhile, the newest sizes may be missing.
  void collect(fast_buffer_history& into) const {
    const auto end = contents_.read();
    for (auto i = end < RecentLengths ? 0 : end - RecentLengths; i != end; ++i)
      into.recent_sizes.push_back(static_cast<std::size_t>(recent_[i % RecentLengths].read()));
    for (const Counter& c : histogram_)
      into.size_histogram.push_back(c.read());
    for (const Counter& c : blocks_)
      into.blocks.push_back(c.read());
    while (!into.blocks.empty() && into.blocks.back() == 0)
      into.blocks.pop_back();
    into.large_blocks += large_blocks_.read();
  }

 private:
  Counter recent_[RecentLengths];
  Counter contents_;
  Counter histogram_[size_buckets::count];
  Counter blocks_[max_tiers];
  Counter large_blocks_;
};

template <std::size_t RecentLengths, std::size_t SampleEvery, class Counter>
struct recorder_of_writer<basic_recording_stats<RecentLengths, SampleEvery>, Counter> {
  using type = written_sizes<Counter, RecentLengths>;
};

}  // namespace detail
}  // namespace tarn
