// SPDX-License-Identifier: MIT
//
// Writes snapshots as JSON: with all numbers, or in the form of Go's expvar.
//
//   std::string body;
//   tarn::write_json(std::back_inserter(body), pools);        // {"pools":[{"name":"frames",...
//   tarn::write_debug_vars(std::back_inserter(body), pools);  // the reply to GET /debug/vars
//
// A number that is not bounded, not known or not recorded is `null`. Bytes that are not UTF-8
// become U+FFFD.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/observe/text/fields.hpp>
#include <tarn/observe/text/text_writer.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

inline constexpr std::string_view json_content_type = "application/json; charset=utf-8";

namespace detail {

/// Writes JSON. The caller supplies the values; this places the commas.
template <class Out>
class json_writer {
 public:
  explicit json_writer(Out out) : to_(std::move(out)) {}
  [[nodiscard]] Out out() && { return std::move(to_).out(); }
  [[nodiscard]] text_writer<Out>& text() noexcept { return to_; }

  template <class Members>
  void object(Members&& members) {
    nested('{', '}', members);
  }
  template <class Values>
  void array(Values&& values) {
    nested('[', ']', values);
  }
  void key(std::string_view name) {
    comma();
    to_.put_json(name);
    to_.put(':');
    is_first_ = true;  // its value has no comma before it
  }
  void value(const metric_number& n) {
    comma();
    to_.put_json(n);
  }
  void value(std::string_view s) {
    comma();
    to_.put_json(s);
  }
  void whole(std::int64_t n) {
    comma();
    to_.put(n);
  }
  void null() { literal("null"); }
  /// Text that is JSON already.
  void literal(std::string_view json) {
    comma();
    to_.put(json);
  }
  template <class Value>
  void member(std::string_view name, const Value& v) {
    key(name);
    value(v);
  }
  template <class From, std::size_t Count>
  void members(const field<From> (&fields)[Count], const From& from) {
    for (const auto& f : fields)
      member(f.json, f.read(from));
  }

 private:
  void comma() {
    if (!is_first_) to_.put(',');
    is_first_ = false;
  }
  template <class Content>
  void nested(char open, char close, Content& content) {
    comma();
    to_.put(open);
    is_first_ = true;
    content();
    to_.put(close);
    is_first_ = false;
  }

  text_writer<Out> to_;
  bool is_first_ = true;
};

/// Writes the sums over the tiers. Numbers without a sum, such as the block size, are left out.
template <class Out>
void put_total(json_writer<Out>& to, const snapshot& s) {
  const auto sum = s.total();
  const auto bytes = s.bytes();
  std::size_t in_use_bytes = 0;
  std::size_t idle_bytes = 0;
  for (const auto& t : s.tiers) {
    in_use_bytes += t.in_use * t.stride_bytes;
    idle_bytes += t.idle * t.stride_bytes;
  }
  for (const auto& f : tier_fields) {
    const auto name = f.json;
    if (name == "size_bytes" || name == "stride_bytes" || name == "max_idle") continue;
    if (name.ends_with("_bytes") || name == "waste") continue;
    to.member(name, f.read(sum));
  }
  to.member("in_use_bytes", metric_number(in_use_bytes));
  to.member("idle_bytes", metric_number(idle_bytes));
  to.member("requested_bytes", metric_number(bytes.requested));
  to.member("reserved_bytes", metric_number(bytes.reserved));
  to.member("fresh_bytes", metric_number(bytes.fresh));
  to.member("reused_bytes", metric_number(bytes.reused));
  to.member("dropped_bytes", metric_number(bytes.dropped));
  to.member("recarved_bytes", metric_number(bytes.recarved));
  to.member("purged_bytes", metric_number(bytes.purged));
  to.member("waste", metric_number(bytes.waste()));
}

template <class Out>
void put_lengths(json_writer<Out>& to, const snapshot& s) {
  if (s.recent_lengths.empty()) return to.null();
  to.array([&] {
    for (const auto length : s.recent_lengths)
      to.value(metric_number(length));
  });
}

/// Writes the buckets that are not empty.
template <class Out, class Bound>
void put_histogram(json_writer<Out>& to, const std::vector<std::uint64_t>& counts,
                   std::string_view what, Bound&& bound_of) {
  if (counts.empty()) return to.null();
  to.array([&] {
    for (std::size_t i = 0; i != counts.size(); ++i) {
      if (counts[i] == 0) continue;
      to.object([&] {
        to.member(what, bound_of(i));
        to.member("count", metric_number(counts[i]));
      });
    }
  });
}

template <class Out>
void put_times(json_writer<Out>& to, const time_histogram& times) {
  if (times.empty()) return to.null();
  to.object([&] {
    to.member("count", metric_number(times.count()));
    to.member("sum_seconds", metric_number::of_nanoseconds(times.sum.count()));
    to.key("buckets");
    put_histogram(to, times.counts, "up_to_seconds", [](std::size_t i) {
      return i + 1 < time_buckets::count
                 ? metric_number(static_cast<double>(time_buckets::upper_bound(i)) / 1e9)
                 : metric_number(static_cast<double>(INFINITY));
    });
  });
}

template <class Out>
void put_pool(json_writer<Out>& to, const snapshot& s) {
  to.object([&] {
    to.member("name", std::string_view(s.name));
    to.member("taken_seconds", metric_number::of_nanoseconds(s.taken.count()));
    to.member("created_seconds", metric_number::of_nanoseconds(s.created.count()));
    to.member("last_resized_seconds", metric_number::of_nanoseconds(s.last_resized.count()));
    to.members(pool_fields, s);
    to.key("tiers");
    to.array([&] {
      for (const auto& t : s.tiers)
        to.object([&] { to.members(tier_fields, t); });
    });
    to.key("total");
    to.object([&] { put_total(to, s); });
    to.key("large");
    to.object([&] { to.members(large_fields, s.large); });
    to.key("nodes");
    if (s.nodes.size_bytes == 0) {
      to.null();
    } else {
      to.object([&] { to.members(tier_fields, s.nodes); });
    }
    to.key("refusals");
    to.object([&] {
      for (std::size_t why = 0; why != refusal_count; ++why)
        to.member(to_string(static_cast<refusal>(why)), s.refusals[why]);
    });
    to.key("misuses");
    if (s.misuses.empty()) {
      to.null();
    } else {
      to.object([&] {
        for (std::size_t kind = 0; kind != s.misuses.size() && kind != misuse_count; ++kind)
          to.member(misuse_names[kind], s.misuses[kind]);
      });
    }
    to.key("recent_lengths");
    put_lengths(to, s);
    to.key("sizes");
    put_histogram(to, s.size_histogram, "up_to_bytes",
                  [](std::size_t i) { return metric_number(size_buckets::upper_bound(i)); });
    to.key("lifetimes");
    put_histogram(to, s.lifetimes, "below_seconds", [](std::size_t i) {
      return metric_number(std::ldexp(1e-9, static_cast<int>(i)));
    });
    to.key("acquire_times");
    put_times(to, s.acquire_times);
    to.key("waiting_times");
    put_times(to, s.waiting_times);
  });
}

/// Writes the value of bytepool's variable, with keys sorted as Go sorts them.
template <class Out>
void put_expvar(json_writer<Out>& to, const snapshot& s) {
  std::vector<std::pair<std::string, const tier_snapshot*>> tiers;
  for (const auto& t : s.tiers)
    tiers.emplace_back(std::to_string(t.size_bytes), &t);
  std::sort(tiers.begin(), tiers.end());
  const auto sum = s.total();
  to.object([&] {
    to.member("discarded", metric_number(s.large.gets + s.large.puts));
    to.key("pools");
    to.object([&] {
      for (const auto& one : tiers) {  // no structured binding: clang 14 can't capture one
        const auto* const tier = one.second;
        to.key(one.first);
        to.object([&] {
          to.member("get", metric_number(tier->gets));
          to.member("put", metric_number(tier->puts));
        });
      }
    });
    to.key("recent_lengths");
    put_lengths(to, s);
    to.member("total_get", metric_number(sum.gets));
    to.member("total_put", metric_number(sum.puts));
  });
}

}  // namespace detail

/// Writes all numbers of pools: `{"pools":[...]}`. Each pool has the names of `snapshot`, a list of
/// its tiers, and their sums. Moments are seconds on the clock of snapshots.
///
/// Returns: the iterator behind the last character. Throws: what the iterator throws.
template <std::output_iterator<const char&> Out>
Out write_json(Out out, std::span<const snapshot> pools) {
  detail::json_writer<Out> to(std::move(out));
  to.object([&] {
    to.key("pools");
    to.array([&] {
      for (const auto& s : pools)
        detail::put_pool(to, s);
    });
  });
  return std::move(to).out();
}

/// Writes one variable of expvar as bytepool publishes it: `"<prefix>pool_stats": {...}`.
///
/// `discarded` counts as in bytepool: each request above the last tier, and its return once more.
/// `recent_lengths` is null before the first get, and if sizes are not recorded.
template <std::output_iterator<const char&> Out>
Out write_expvar(Out out, std::string_view prefix, const snapshot& s) {
  detail::json_writer<Out> to(std::move(out));
  to.text().put_json(std::string(prefix) + "pool_stats");
  to.text().put(std::string_view(": "));
  detail::put_expvar(to, s);
  return std::move(to).out();
}

/// A pool with the prefix of its variable.
struct expvar_pool {
  std::string prefix;
  const snapshot* pool;
};

/// Writes the reply to GET /debug/vars, with variables sorted by name.
///
/// Throws: `std::invalid_argument` if a prefix occurs twice, before anything is written.
template <std::output_iterator<const char&> Out>
Out write_debug_vars(Out out, std::span<const expvar_pool> pools) {
  // Sorted by whole names: prefixes alone would sort differently.
  std::vector<std::pair<std::string, const expvar_pool*>> sorted;
  sorted.reserve(pools.size());
  for (const auto& p : pools)
    sorted.emplace_back(p.prefix + "pool_stats", &p);
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].first == sorted[i - 1].first) {
      throw std::invalid_argument("tarn: expvar prefix '" + sorted[i].second->prefix +
                                  "' must be used once only");
    }
  }
  const auto put = [&out](std::string_view text) {
    out = std::copy(text.begin(), text.end(), out);
  };
  put("{\n");
  for (std::size_t i = 0; i != sorted.size(); ++i) {
    if (i != 0) put(",\n");
    const auto& one = *sorted[i].second;
    out = write_expvar(std::move(out), one.prefix, *one.pool);
  }
  put("\n}\n");
  return out;
}
/// Writes the reply to GET /debug/vars. The prefix of each pool is its name and `_`; empty for a
/// pool without a name.
template <std::output_iterator<const char&> Out>
Out write_debug_vars(Out out, std::span<const snapshot> pools) {
  std::vector<expvar_pool> named;
  for (const auto& s : pools)
    named.push_back({s.name.empty() ? std::string() : s.name + '_', &s});
  return write_debug_vars(std::move(out), std::span<const expvar_pool>(named));
}

}  // namespace tarn
