// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <tarn/fwd.hpp>
#include <tarn/policy/snapshot.hpp>
#include <tarn/policy/stats.hpp>

namespace tarn {

/// The buckets of a histogram of sizes: sixteen bytes wide up to 64, then four to a doubling.
struct size_buckets {
  static constexpr std::size_t count = 236;

  [[nodiscard]] static constexpr std::size_t bucket_of(std::size_t size) noexcept {
    if (size <= 64) return size == 0 ? 0 : (size - 1) / 16;
    const auto last = size - 1;  // buckets end at their upper bound
    const auto doubling = static_cast<std::size_t>(std::bit_width(last)) - 1;  // 6 and up
    return 4 + (doubling - 6) * 4 + ((last >> (doubling - 2)) & 3);
  }
  /// The largest size of a bucket, in bytes.
  [[nodiscard]] static constexpr std::size_t upper_bound(std::size_t bucket) noexcept {
    if (bucket < 4) return (bucket + 1) * 16;
    const auto doubling = (bucket - 4) / 4 + 6;
    const auto quarter = (bucket - 4) % 4 + 5;
    if (doubling == 63 && quarter == 8) return static_cast<std::size_t>(-1);
    return quarter << (doubling - 2);
  }
};

/// Counts like `counting_stats` and remembers what was asked for: the last `RecentLengths` sizes
/// and a histogram of all, larger ones than any tier included.
///
/// The order of the recent sizes is exact within a thread; sizes of different threads stand one
/// thread after the other. Cost: about five stores per get; the memory is per thread and pool.
template <std::size_t RecentLengths>
struct basic_recording_stats : counting_stats {
  static_assert(RecentLengths >= 1, "a ring of recent lengths must hold at least one");

  template <class Counter>
  class recorder {
   public:
    void on_get(std::uint32_t, std::size_t size) noexcept { record(size); }
    static void on_put(std::uint32_t) noexcept {}
    void on_oversize(std::size_t size) noexcept { record(size); }

    /// Adds what this recorder saw.
    void collect(snapshot& into) const {
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
    void record(std::size_t size) noexcept {
      recent_[next_.add(1) % RecentLengths].set(size);
      histogram_[size_buckets::bucket_of(size)].add(1);
    }

    Counter next_;
    Counter recent_[RecentLengths];
    Counter histogram_[size_buckets::count];
  };
};

}  // namespace tarn
