// SPDX-License-Identifier: MIT
//
// Converts snapshots to the statistics of other pools, for dashboards and programs that read them:
// Portask, bytepool, Go-CacheX, Takhin and synk, five packages for Go.
//
// The names are those of the packages. Corrected formulas are marked at their members. All of these
// are pure functions of a snapshot, or of the difference of two.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/observe/json.hpp>
#include <tarn/observe/prometheus.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

/// Portask's `PoolStats`. In Portask a get was a hit only if it came from the channel, and a get
/// from the pool behind the channel was not counted.
struct portask_stats {
  std::string name;
  std::uint64_t object_size = 0;  ///< of the only tier; of the last, if there are more
  /// The current bound of idle objects: of those that are kept, or that may exist. In Portask the
  /// first one.
  std::uint64_t max_objects = 0;
  std::uint64_t current_objects = 0;  ///< idle objects, see `tier_occupancy::idle_kept`
  std::uint64_t alloc_count = 0;      ///< misses and oversize requests that the source served
  std::uint64_t hit_count = 0;        ///< never reset; in Portask a resize reset it
  std::uint64_t miss_count = 0;
  std::uint64_t memory_usage_bytes = 0;  ///< of idle objects, as in Portask
  time_span last_resized{};
  time_span created_at{};

  /// hits / (hits + misses); 0 before the first get.
  [[nodiscard]] double hit_ratio() const noexcept {
    const auto gets = hit_count + miss_count;
    return gets == 0 ? 0 : static_cast<double>(hit_count) / static_cast<double>(gets);
  }
};

/// Converts a snapshot. `max_objects` without a bound is the largest number. `clock` makes dates.
[[nodiscard]] inline portask_stats to_portask(const snapshot& s, const wall_clock& clock) {
  const auto sum = s.total();
  portask_stats made;
  made.name = s.name;
  made.object_size = s.object_size_bytes;
  for (const auto& t : s.tiers) {
    const auto most = s.capacity == snapshot::no_bound
                          ? t.max_idle
                          : detail::min_of<std::uint64_t>(t.max_idle, s.capacity);
    const bool open =
        most == tier_snapshot::no_bound || made.max_objects == tier_snapshot::no_bound;
    made.max_objects = open ? tier_snapshot::no_bound : made.max_objects + most;
    made.memory_usage_bytes += t.idle_kept() * t.size_bytes;
  }
  made.current_objects = sum.idle_kept();
  made.alloc_count = sum.misses + s.large.gets - s.large.reused;
  made.hit_count = sum.hits();
  made.miss_count = sum.misses;
  made.last_resized = clock.at(s.last_resized);
  made.created_at = clock.at(s.created);
  return made;
}

/// bytepool's `GetPoolStats`. `write_expvar` writes the same numbers.
struct bytepool_stats {
  struct counts {
    std::uint64_t get = 0;
    std::uint64_t put = 0;
    friend bool operator==(const counts&, const counts&) noexcept = default;
  };
  std::map<std::size_t, counts> pools;  ///< by the block size of the tier
  /// Oversize requests and, once more, their returns, as in bytepool. Its other meaning, refused
  /// returns, is in `snapshot::misuses`.
  std::uint64_t discarded = 0;
  std::uint64_t total_get = 0;
  std::uint64_t total_put = 0;
  std::vector<std::size_t> recent_lengths;  ///< oldest first
};

[[nodiscard]] inline bytepool_stats to_bytepool(const snapshot& s) {
  bytepool_stats made;
  for (const auto& t : s.tiers) {
    made.pools[t.size_bytes] = {t.gets, t.puts};
    made.total_get += t.gets;
    made.total_put += t.puts;
  }
  made.discarded = s.large.gets + s.large.puts;
  made.recent_lengths = s.recent_lengths;
  return made;
}

/// Go-CacheX's `PoolStats`.
struct cachex_stats {
  /// Idle items, see `tier_occupancy::idle_kept`. If it only falls, items leak.
  std::uint64_t current_size = 0;
  std::uint64_t total_created = 0;    ///< calls of the factory; blocks of a pool without one
  std::uint64_t total_retrieved = 0;  ///< gets
  std::uint64_t total_returned = 0;   ///< puts
  std::uint64_t total_discarded = 0;  ///< not kept: above a bound, aged out, or trimmed
  std::uint64_t total_missed = 0;     ///< gets that needed a new item; not in Go-CacheX

  /// total_returned / total_created, as defined in Go-CacheX. It is not a fraction: it is above 1
  /// in a pool that works well.
  [[nodiscard]] double reuse_ratio() const noexcept {
    return total_created == 0
               ? 0
               : static_cast<double>(total_returned) / static_cast<double>(total_created);
  }
  /// The part of the gets that needed no new item, from 0 to 1.
  [[nodiscard]] double hit_ratio() const noexcept {
    return total_retrieved == 0
               ? 0
               : 1 - static_cast<double>(total_missed) / static_cast<double>(total_retrieved);
  }
};

[[nodiscard]] inline cachex_stats to_cachex(const snapshot& s) {
  const auto sum = s.total();
  cachex_stats made;
  made.current_size = sum.idle_kept();
  made.total_created = s.constructed != 0 ? s.constructed : sum.misses;
  made.total_retrieved = sum.gets;
  made.total_returned = sum.puts;
  made.total_discarded = sum.discarded + sum.aged + sum.trimmed;
  made.total_missed = sum.misses;
  return made;
}

/// Takhin's `PoolStats`.
struct takhin_stats {
  std::uint64_t allocations = 0;  ///< misses, and oversize requests that the source served
  std::uint64_t gets = 0;         ///< without oversize gets, as in Takhin
  std::uint64_t puts = 0;
  std::int64_t in_use = 0;  ///< never negative
  std::uint64_t oversized = 0;
  /// Returns that were not kept: refused by a check policy, above a bound, or oversize blocks.
  std::uint64_t discarded = 0;

  /// 1 - (allocations - oversized) / gets; 0 before the first get. In Takhin it was
  /// gets / (gets + allocations), where gets include those that allocated.
  [[nodiscard]] double hit_rate() const noexcept {
    if (gets == 0) return 0;
    const auto missed = allocations < oversized ? 0 : allocations - oversized;
    return 1 - static_cast<double>(missed) / static_cast<double>(gets);
  }
  friend bool operator==(const takhin_stats&, const takhin_stats&) noexcept = default;
};

/// Converts a snapshot. For an object or message pool, `oversized` is the number of objects that
/// came back with more memory than is kept; they allocated nothing at that moment.
[[nodiscard]] inline takhin_stats to_takhin(const snapshot& s) {
  const auto sum = s.total();
  takhin_stats made;
  made.allocations = sum.misses + s.large.gets - s.large.reused;
  made.gets = sum.gets;
  made.puts = sum.puts;
  made.in_use = static_cast<std::int64_t>(sum.in_use);
  made.oversized = s.large.gets + s.outgrown;
  // Without a large cache, each oversize block goes on its return.
  made.discarded = sum.discarded + (s.large.max_kept_bytes == 0 ? s.large.puts : s.large.discarded);
  for (std::size_t kind = 0; kind < s.misuses.size(); ++kind) {
    // Takhin ignores null, and the pool takes the block back from after_close on.
    if (kind == static_cast<std::size_t>(misuse::null)) continue;
    if (kind >= static_cast<std::size_t>(misuse::after_close)) continue;
    made.discarded += s.misuses[kind];
  }
  return made;
}

/// synk's counters, each with a number of blocks and their bytes.
struct synk_stats {
  struct counts {
    std::uint64_t num = 0;
    std::uint64_t size = 0;
    friend bool operator==(const counts&, const counts&) noexcept = default;
  };
  counts non_pooled;        ///< fresh memory: misses, and oversize requests that the source served
  counts dropped;           ///< came back above a bound
  counts reused;            ///< by the size of the block; in synk at times by the requested size
  counts reused_remaining;  ///< blocks carved for smaller tiers; in synk tails of split blocks
  counts gced;              ///< given back to the system while idle: blocks or their pages
  counts in_use;            ///< live blocks, also above the last tier; synk's sizeInUse
};

[[nodiscard]] inline synk_stats to_synk(const snapshot& s) {
  const auto bytes = s.bytes();
  const auto sum = s.total();
  synk_stats made;
  made.non_pooled = {sum.misses + s.large.gets - s.large.reused, bytes.fresh + s.large.fresh_bytes};
  made.dropped = {sum.discarded + s.large.discarded, bytes.dropped + s.large.discarded_bytes};
  made.reused = {sum.hits() + s.large.reused, bytes.reused + s.large.reused_bytes};
  made.reused_remaining = {sum.recarved, bytes.recarved};
  made.gced = {sum.purged, bytes.purged};
  made.in_use = {sum.in_use + s.large.in_use, s.large.in_use_bytes};
  for (const auto& t : s.tiers)
    made.in_use.size += t.in_use * t.size_bytes;
  return made;
}

namespace detail {

/// A moment in the format of RFC 3339, in UTC: 2026-01-02T03:04:05.678901234Z.
[[nodiscard]] inline std::string date_text(time_span since_1970) {
  constexpr std::int64_t day = 86'400;
  constexpr std::int64_t second = 1'000'000'000;
  const auto floor_div = [](std::int64_t a, std::int64_t b) { return (a < 0 ? a - b + 1 : a) / b; };
  const auto seconds = floor_div(since_1970.count(), second);
  const auto fraction = since_1970.count() - seconds * second;
  const auto days = floor_div(seconds, day);
  const auto rest = seconds - days * day;
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::days(static_cast<int>(days)))};
  std::string text;
  const auto digits = [&](std::int64_t n, std::size_t width) {
    auto d = std::to_string(n);
    text.append(width - (d.size() < width ? d.size() : width), '0').append(d);
  };
  digits(static_cast<int>(date.year()), 4);
  text += '-';
  digits(static_cast<unsigned>(date.month()), 2);
  text += '-';
  digits(static_cast<unsigned>(date.day()), 2);
  text += 'T';
  digits(rest / 3600, 2);
  text += ':';
  digits(rest / 60 % 60, 2);
  text += ':';
  digits(rest % 60, 2);
  if (fraction != 0) {
    text += '.';
    digits(fraction, 9);
    while (text.back() == '0')
      text.pop_back();
  }
  text += 'Z';
  return text;
}

}  // namespace detail

/// Writes Portask's JSON. A missing bound is `null`.
template <std::output_iterator<const char&> Out>
Out write_json(Out out, const portask_stats& s) {
  using detail::metric_number;
  detail::json_writer<Out> to(std::move(out));
  to.object([&] {
    to.member("name", std::string_view(s.name));
    to.member("object_size", metric_number(s.object_size));
    to.member("max_objects", metric_number::of_bound(s.max_objects));
    to.member("current_objects", metric_number(s.current_objects));
    to.member("alloc_count", metric_number(s.alloc_count));
    to.member("hit_count", metric_number(s.hit_count));
    to.member("miss_count", metric_number(s.miss_count));
    to.member("hit_ratio", metric_number(s.hit_ratio()));
    to.member("memory_usage_bytes", metric_number(s.memory_usage_bytes));
    to.member("last_resized", std::string_view(detail::date_text(s.last_resized)));
    to.member("created_at", std::string_view(detail::date_text(s.created_at)));
  });
  return std::move(to).out();
}

/// Writes Takhin's sixteen metrics for its three pools in Prometheus text 0.0.4, without labels.
/// Takhin declares these metrics and never counts them.
///
/// Returns: the iterator behind the last character. Throws: `std::invalid_argument` if the
///   prefix is not valid; what the iterator throws.
template <std::output_iterator<const char&> Out>
Out write_takhin_metrics(Out out, const snapshot& buffers, const snapshot& records,
                         const snapshot& batches, std::string_view prefix = "takhin_mempool_") {
  const metric_options options{.prefix = std::string(prefix)};
  detail::check_metric_options(options);
  detail::exposition<Out> text(std::move(out), metric_format::prometheus, options);
  const auto put = [&](std::string_view pool, std::string_view what, detail::metric_kind kind,
                       std::uint64_t value, std::string_view help, std::string_view of) {
    text.begin(options.prefix + std::string(pool) + std::string(what), kind, {},
               std::string(help) + std::string(of));
    text.sample({}, value);
  };
  const auto put_pool = [&](std::string_view pool, std::string_view of, const takhin_stats& s,
                            bool has_sizes) {
    constexpr auto counter = detail::metric_kind::counter;
    put(pool, "_allocations", counter, s.allocations, "Allocations that the pool made of ", of);
    put(pool, "_gets", counter, s.gets, "Gets of ", of);
    put(pool, "_puts", counter, s.puts, "Puts of ", of);
    put(pool, "_in_use", detail::metric_kind::gauge, static_cast<std::uint64_t>(s.in_use),
        "Now out: ", of);
    if (!has_sizes) return;
    put(pool, "_oversized", counter, s.oversized, "Larger than the pool keeps: ", of);
    put(pool, "_discarded", counter, s.discarded, "Not kept on their return: ", of);
  };
  put_pool("buffer", "buffers.", to_takhin(buffers), true);
  put_pool("record", "records.", to_takhin(records), false);
  put_pool("record_batch", "record batches.", to_takhin(batches), true);
  return std::move(text).end();
}

}  // namespace tarn
