// SPDX-License-Identifier: MIT
//
// The metrics of pools, their names and their order, before they become text.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/detail/base/error.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/observe/text/fields.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

/// One moment on two clocks: the steady clock of snapshots, and the wall clock.
struct wall_clock {
  time_span steady{};
  time_span wall{};  ///< since 1970, in UTC

  [[nodiscard]] static wall_clock now() {
    return {time_span::of_nanoseconds(detail::steady_nanoseconds()),
            std::chrono::system_clock::now().time_since_epoch()};
  }
  /// The time of the wall clock at a moment of the steady clock.
  [[nodiscard]] time_span at(time_span moment) const noexcept {
    return time_span::of_nanoseconds(wall.count() + (moment.count() - steady.count()));
  }
};

/// The names of metrics, and their labels.
struct metric_options {
  std::string prefix = "tarn_";
  std::string pool_label = "pool";
  std::string tier_label = "tier";
  std::vector<std::pair<std::string, std::string>> labels{};  ///< constant labels: name and value
  /// Converts moments to dates. Without it there are no dates: no `_created`, no
  /// `created_timestamp_seconds`, and no `last_resized_timestamp_seconds`. Read it once, not for
  /// every exposition: the two clocks drift, and so would the dates.
  std::optional<wall_clock> clock{};
};

namespace detail {

/// One bucket of a histogram: the number of values of at most `bound`.
struct metric_bucket {
  double bound;
  std::uint64_t cumulative;
};
struct metric_histogram {
  std::vector<metric_bucket> buckets;  // the last one has no bound
  double sum = 0;
};

/// The pool, tier or misuse that a sample describes.
struct metric_subject {
  const snapshot* pool = nullptr;
  const tier_snapshot* tier = nullptr;
  std::string_view kind{};  // of a misuse
};

[[nodiscard]] inline bool is_metric_name(std::string_view name, bool may_have_colons) noexcept {
  for (std::size_t i = 0; i != name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9' && i != 0;
    if (!letter && !digit && !(may_have_colons && c == ':')) return false;
  }
  return !name.empty();
}

[[noreturn]] inline void refuse_name(const char* what, std::string_view name, const char* rule) {
  throw std::invalid_argument("tarn: " + std::string(what) + " '" + std::string(name) + "' " +
                              rule);
}

inline void check_metric_options(const metric_options& o) {
  if (!o.prefix.empty() && !is_metric_name(o.prefix, true)) {
    refuse_name("metric prefix", o.prefix, "must have letters, digits, _ and : only");
  }
  std::vector<std::string_view> names{o.pool_label, o.tier_label, "le", "kind"};
  for (const auto& label : o.labels)
    names.push_back(label.first);
  for (const auto name : names) {
    if (!is_metric_name(name, false) || name.starts_with("__")) {
      refuse_name("label name", name,
                  "must have letters, digits and _ only, and not begin with __");
    }
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) refuse_name("label name", *twice, "must be used once only");
}

/// A label set that occurs twice spoils a whole scrape, and not every reader reports it.
inline void check_distinct(std::span<const snapshot> pools) {
  std::vector<std::string_view> names;
  names.reserve(pools.size());
  for (const auto& s : pools)
    names.push_back(s.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    refuse_name("pool name", *twice, "must be used once only in an exposition");
  }
  for (const auto& s : pools) {
    const auto& tiers = s.tiers;
    for (std::size_t t = 1; t < tiers.size(); ++t) {
      if (tiers[t].size_bytes <= tiers[t - 1].size_bytes) {
        throw_invalid("tier size", tiers[t].size_bytes, "must be above the one before,",
                      tiers[t - 1].size_bytes);
      }
    }
  }
}

/// The histogram of requested sizes, with a bound at each power of two from 16 bytes to the last
/// tier. The bounds depend only on the pool's tiers.
[[nodiscard]] inline metric_histogram histogram_of_sizes(const snapshot& s) {
  metric_histogram made;
  const auto largest = s.tiers.empty() ? 0 : s.tiers.back().size_bytes;
  std::uint64_t sum = 0;
  std::size_t bound = 16;
  const auto close_bucket = [&] {
    made.buckets.push_back({static_cast<double>(bound), sum});
    bound = bound < largest ? bound * 2 : 0;
  };
  for (std::size_t i = 0; i != s.size_histogram.size(); ++i) {
    const auto upper = size_buckets::upper_bound(i);
    const auto lower = i == 0 ? 0 : size_buckets::upper_bound(i - 1);
    while (bound != 0 && upper > bound)
      close_bucket();
    sum += s.size_histogram[i];
    made.sum += static_cast<double>(s.size_histogram[i]) *
                (static_cast<double>(lower) + static_cast<double>(upper)) / 2;
  }
  while (bound != 0)
    close_bucket();
  made.buckets.push_back({std::numeric_limits<double>::infinity(), sum});
  return made;
}

/// The histogram of lifetimes, with a bound at each power of four from a microsecond to 18 minutes.
[[nodiscard]] inline metric_histogram histogram_of_lifetimes(const snapshot& s) {
  metric_histogram made;
  std::uint64_t sum = 0;
  double bound = 1e-9;  // 2^i nanoseconds
  for (std::size_t i = 0; i != s.lifetimes.size(); ++i, bound *= 2) {
    sum += s.lifetimes[i];
    made.sum += static_cast<double>(s.lifetimes[i]) * bound * (i == 0 ? 0 : 0.75);
    if (i >= 10 && i <= 40 && i % 2 == 0) made.buckets.push_back({bound, sum});
  }
  made.buckets.push_back({std::numeric_limits<double>::infinity(), sum});
  return made;
}

/// A histogram of times in seconds, with all bounds of `time_buckets`.
[[nodiscard]] inline metric_histogram histogram_of_times(const time_histogram& times) {
  metric_histogram made;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i != times.counts.size(); ++i) {
    sum += times.counts[i];
    if (i + 1 >= time_buckets::count) continue;
    // The quotient of two exact numbers: so the text of a bound is short.
    made.buckets.push_back({static_cast<double>(time_buckets::upper_bound(i)) / 1e9, sum});
  }
  made.buckets.push_back({std::numeric_limits<double>::infinity(), sum});
  made.sum = static_cast<double>(times.sum.count()) / 1e9;
  return made;
}

/// Passes all metrics to `visitor`, family by family:
///   begin(name, kind, unit, help); sample(subject, number)... or histogram(subject, histogram)...
template <class Visitor>
void visit_metrics(std::span<const snapshot> pools, const metric_options& o, Visitor&& visitor) {
  check_metric_options(o);
  check_distinct(pools);
  if (pools.empty()) return;  // no family without a sample
  const auto begin = [&](std::string_view name, metric_kind kind, std::string_view help) {
    visitor.begin(o.prefix + std::string(name), kind, field<int>::unit_of(name), help);
  };
  const auto any = [&](const auto& has) {
    for (const auto& s : pools) {
      if (has(s)) return true;
    }
    return false;
  };
  const bool has_tiers = any([](const snapshot& s) { return !s.tiers.empty(); });
  for (const auto& f : tier_fields) {
    if (f.metric.empty() || !has_tiers) continue;
    begin(f.metric, f.kind, f.help);
    for (const auto& s : pools) {
      for (const auto& t : s.tiers)
        visitor.sample({&s, &t}, f.read(t));
    }
  }
  for (const auto& f : pool_fields) {
    begin(f.metric, f.kind, f.help);
    for (const auto& s : pools)
      visitor.sample({&s}, f.read(s));
  }
  for (const auto& f : large_fields) {
    begin(f.metric, f.kind, f.help);
    for (const auto& s : pools)
      visitor.sample({&s}, f.read(s.large));
  }

  // The other metrics exist only for pools that have these numbers.
  const auto has_nodes = [](const snapshot& s) { return s.nodes.size_bytes != 0; };
  for (const auto& f : tier_fields) {
    if (!f.of_nodes || !any(has_nodes)) continue;
    begin("node_" + std::string(f.metric), f.kind,
          "Nodes of shared buffers, counted as blocks: " + std::string(f.help));
    for (const auto& s : pools) {
      if (has_nodes(s)) visitor.sample({&s}, f.read(s.nodes));
    }
  }
  begin("refused_requests", metric_kind::counter, "Requests that got nothing, by reason.");
  for (const auto& s : pools) {
    for (std::size_t why = 0; why != refusal_count; ++why)
      visitor.sample({&s, nullptr, to_string(static_cast<refusal>(why))}, s.refusals[why]);
  }
  if (any([](const snapshot& s) { return !s.misuses.empty(); })) {
    begin("misuses", metric_kind::counter, "Bad returns of raw memory, and writes outside of it.");
    for (const auto& s : pools) {
      for (std::size_t kind = 0; kind != s.misuses.size() && kind != misuse_count; ++kind)
        visitor.sample({&s, nullptr, misuse_names[kind]}, s.misuses[kind]);
    }
  }
  if (o.clock) {
    const auto dates = [&](std::string_view name, std::string_view help,
                           time_span snapshot::* moment) {
      begin(name, metric_kind::gauge, help);
      for (const auto& s : pools)
        visitor.sample({&s}, metric_number::of_nanoseconds(o.clock->at(s.*moment).count()));
    };
    dates("created_timestamp_seconds", "When the pool began.", &snapshot::created);
    dates("last_resized_timestamp_seconds", "When a bound changed last.", &snapshot::last_resized);
  }
  const auto has_sizes = [](const snapshot& s) { return !s.size_histogram.empty(); };
  if (any(has_sizes)) {
    begin("request_size_bytes", metric_kind::histogram,
          "Sizes that were asked for; their sum is estimated from finer buckets.");
    for (const auto& s : pools) {
      if (has_sizes(s)) visitor.histogram({&s}, histogram_of_sizes(s));
    }
  }
  const auto has_lifetimes = [](const snapshot& s) { return !s.lifetimes.empty(); };
  if (any(has_lifetimes)) {
    begin("lifetime_seconds", metric_kind::histogram,
          "How long blocks were out, estimated from those that were followed.");
    for (const auto& s : pools) {
      if (has_lifetimes(s)) visitor.histogram({&s}, histogram_of_lifetimes(s));
    }
  }
  const auto times = [&](std::string_view name, std::string_view help,
                         time_histogram snapshot::* member) {
    const auto has_times = [member](const snapshot& s) { return !(s.*member).empty(); };
    if (!any(has_times)) return;
    begin(name, metric_kind::histogram, help);
    for (const auto& s : pools) {
      if (has_times(s)) visitor.histogram({&s}, histogram_of_times(s.*member));
    }
  };
  times("acquire_seconds",
        "How long gets took until they were served, without the time that they waited. Sampled: "
        "each get that was timed counts for all that it stands for.",
        &snapshot::acquire_times);
  times("waiting_seconds",
        "How long gets waited for what others give back, also those that got nothing. Each counts.",
        &snapshot::waiting_times);
}

}  // namespace detail
}  // namespace tarn
