// SPDX-License-Identifier: MIT
//
// The numbers of a pool at one moment, as plain values.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/events/refusals.hpp>  // refusal
#include <tarn/value/tier_snapshot.hpp>
#include <tarn/value/time_histogram.hpp>

namespace tarn {

/// The blocks and bytes of a pool, under every stats policy.
struct occupancy {
  std::vector<tier_occupancy> tiers;
  large_snapshot large;
  tier_occupancy nodes;                        ///< of shared buffers; byte pools only
  std::size_t slab_bytes = 0;                  ///< slabs held from the source
  std::size_t most_held_bytes = 0;             ///< as `snapshot::most_held_bytes`
  std::uint64_t refusals[refusal_count] = {};  ///< refused requests, by `refusal`

  [[nodiscard]] std::uint64_t in_use() const noexcept {
    std::uint64_t sum = large.in_use;
    for (const auto& t : tiers)
      sum += t.in_use;
    return sum;
  }
  [[nodiscard]] std::uint64_t idle() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& t : tiers)
      sum += t.idle;
    return sum;
  }
  [[nodiscard]] std::size_t idle_bytes() const noexcept {
    std::size_t sum = large.kept_bytes;
    for (const auto& t : tiers)
      sum += detail::cast_to<std::size_t>(t.idle * t.stride_bytes);
    return sum;
  }
};

/// The numbers of a pool at one moment: a value. Exact if no thread uses the pool meanwhile.
struct snapshot {
  static constexpr std::size_t no_bound = static_cast<std::size_t>(-1);

  std::string name;
  time_span taken{};         ///< when this was read, on the clock of `maintain`: steady, since boot
  time_span created{};       ///< when the pool began
  time_span last_resized{};  ///< when a bound changed last; `created` if never
  std::size_t object_size_bytes = 0;  ///< of the objects of an object pool; else of the last tier
  std::size_t max_idle_bytes = no_bound;  ///< bound of the depots; bytes above it are discarded
  std::size_t capacity = no_bound;        ///< blocks that may exist per tier
  std::size_t limit_bytes = no_bound;     ///< bytes that the pool may hold from the source
  std::vector<tier_snapshot> tiers;
  large_snapshot large;
  tier_snapshot nodes;  ///< byte pools: nodes of shared buffers
  std::size_t slab_bytes = 0;
  /// The most bytes that the pool held from the source at once since it began: slabs and blocks
  /// above the last tier, live or idle. Exact, but if the source refuses requests, it may count
  /// what several threads asked for at the same moment. Never above `limit_bytes`.
  std::size_t most_held_bytes = 0;
  std::uint64_t refusals[refusal_count] = {};  ///< refused requests, by `refusal`
  std::uint64_t retains = 0;                   ///< byte pools: references added to shared buffers
  std::uint64_t releases = 0;                  ///< byte pools: added references that were dropped
  std::uint64_t constructed = 0;               ///< object pools: objects that the factory made
  std::uint64_t callback_failures = 0;         ///< calls of callbacks and sinks that threw
  std::uint64_t reset_failures = 0;  ///< object pools: objects whose reset threw, or returned false
  std::uint64_t outgrown = 0;        ///< object pools: returned objects that held too much
  /// By `misuse`. Empty unless the pool checks. A pool that doesn't may still meet a raw block that
  /// was given back twice, when both copies leave its caches; then it counts that (not under
  /// `lock_free`).
  std::vector<std::uint64_t> misuses;
  std::vector<std::size_t> recent_lengths;    ///< oldest first; empty unless recorded
  std::vector<std::uint64_t> size_histogram;  ///< see `size_buckets`; empty unless recorded
  /// How long blocks were live, estimated from the followed ones. Entry `i` counts lifetimes from
  /// 2^(i-1) to less than 2^i nanoseconds. Empty unless recorded.
  std::vector<std::uint64_t> lifetimes;
  /// How long gets took until they were served, estimated from some of the followed ones: each
  /// counts for all that it stands for. Not the time that they waited for other threads. Empty
  /// unless recorded.
  time_histogram acquire_times;
  /// How long gets waited at a bound for what others give back, also if they got nothing in the
  /// end. Each wait counts. Empty unless the pool has a bound at which gets wait (`capacity` or
  /// `limit_bytes`), and threads to wait for.
  time_histogram waiting_times;
  std::uint64_t samples = 0;      ///< gets that were followed until their put
  std::uint64_t not_sampled = 0;  ///< gets that were chosen, but the table had no free slot

  /// The tier that serves requests of `size` bytes; null if the source serves them.
  [[nodiscard]] const tier_snapshot* tier_for(std::size_t size) const noexcept {
    for (const auto& t : tiers) {
      if (size <= t.size_bytes) return &t;
    }
    return nullptr;
  }

  /// The number of requests that were refused for this reason.
  [[nodiscard]] std::uint64_t refused(refusal why) const noexcept {
    return refusals[static_cast<std::size_t>(why)];
  }
  /// The number of requests that were refused for any reason.
  [[nodiscard]] std::uint64_t refused() const noexcept {
    std::uint64_t sum = 0;
    for (const auto count : refusals)
      sum += count;
    return sum;
  }

  /// The bytes of all tiers by class.
  [[nodiscard]] byte_snapshot bytes() const noexcept {
    byte_snapshot sum;
    for (const auto& t : tiers) {
      const auto b = t.bytes();
      sum.requested += b.requested;
      sum.reserved += b.reserved;
      sum.fresh += b.fresh;
      sum.reused += b.reused;
      sum.dropped += b.dropped;
      sum.recarved += b.recarved;
      sum.purged += b.purged;
    }
    return sum;
  }

  /// The sums over all tiers, without sizes and without the bytes of a block. Blocks above the last
  /// tier are only in `large`.
  [[nodiscard]] tier_snapshot total() const noexcept {
    tier_snapshot sum;
    for (const auto& t : tiers) {
      for (const auto count : tier_snapshot::counts)
        sum.*count += t.*count;
      sum.idle += t.idle;
      sum.idle_in_threads += t.idle_in_threads;
      sum.idle_pinned += t.idle_pinned;
      sum.idle_purged += t.idle_purged;
      sum.in_use += t.in_use;
      if (sum.idle_for.count() < t.idle_for.count()) sum.idle_for = t.idle_for;
      sum.peak_outstanding += t.peak_outstanding;
      sum.most_in_use += t.most_in_use;
    }
    return sum;
  }

  /// What happened between two moments. Counters become differences; all other numbers are those of
  /// `after`.
  [[nodiscard]] friend snapshot operator-(snapshot after, const snapshot& before) {
    const auto less = [](std::uint64_t& now, std::uint64_t then) {
      now -= then < now ? then : now;
    };
    for (const auto count : tier_snapshot::counts) {
      for (std::size_t i = 0; i < after.tiers.size() && i < before.tiers.size(); ++i)
        less(after.tiers[i].*count, before.tiers[i].*count);
    }
    for (const auto count :
         {&snapshot::samples, &snapshot::not_sampled, &snapshot::retains, &snapshot::releases,
          &snapshot::constructed, &snapshot::reset_failures, &snapshot::outgrown})
      less(after.*count, before.*count);
    for (std::size_t why = 0; why != refusal_count; ++why)
      less(after.refusals[why], before.refusals[why]);
    for (const auto count : large_snapshot::counts)
      less(after.large.*count, before.large.*count);
    const auto less_each = [&](auto& now, const auto& then) {
      for (std::size_t i = 0; i < now.size() && i < then.size(); ++i)
        less(now[i], then[i]);
    };
    less_each(after.lifetimes, before.lifetimes);
    for (const auto times : {&snapshot::acquire_times, &snapshot::waiting_times}) {
      auto& now = after.*times;
      const auto& then = before.*times;
      less_each(now.counts, then.counts);
      const auto sum = now.sum.count();
      now.sum = time_span::of_nanoseconds(sum - detail::min_of(then.sum.count(), sum));
    }
    less_each(after.misuses, before.misuses);
    less_each(after.size_histogram, before.size_histogram);
    return after;
  }
};

}  // namespace tarn
