// SPDX-License-Identifier: MIT
//
// Writes snapshots in the formats of Prometheus and OpenMetrics.
//
//   const tarn::metric_options options{.clock = tarn::wall_clock::now()};  // once
//   const std::vector<tarn::snapshot> pools{frames.snapshot(), orders.snapshot()};
//   const auto format = tarn::negotiate(request.accept);
//   response.content_type = tarn::content_type(format);
//   tarn::write_metrics(std::back_inserter(response.body), format, pools, options);
//
// Both formats have the same names, labels and values, also of `le`, so a time series continues if
// the reader changes the format.

#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <tarn/observe/text/metrics.hpp>
#include <tarn/observe/text/text_writer.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

/// The formats of metrics.
enum class metric_format : unsigned char {
  prometheus,   ///< text, version 0.0.4
  openmetrics,  ///< version 1.0.0
};

inline constexpr std::string_view prometheus_content_type =
    "text/plain; version=0.0.4; charset=utf-8";
inline constexpr std::string_view openmetrics_content_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The value of the header `Content-Type` for a format.
[[nodiscard]] constexpr std::string_view content_type(metric_format format) noexcept {
  return format == metric_format::openmetrics ? openmetrics_content_type : prometheus_content_type;
}

namespace detail {

[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}
/// Takes the part before `separator` off the text, and the separator.
[[nodiscard]] constexpr std::string_view take_part(std::string_view& text,
                                                   char separator) noexcept {
  const auto end = text.find(separator);
  const auto part = trimmed(text.substr(0, end));
  text = end == text.npos ? std::string_view{} : text.substr(end + 1);
  return part;
}
[[nodiscard]] constexpr bool same_word(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i != a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}
/// The weight of a media range, in thousandths.
[[nodiscard]] constexpr int quality_of(std::string_view q) noexcept {
  // "0", "1", "0.5", "0.125", "1.000"; any other text counts as 0.
  if (q.empty() || q.size() > 5 || (q[0] != '0' && q[0] != '1')) return 0;
  if (q.size() > 1 && q[1] != '.') return 0;
  int sum = 1000 * (q[0] - '0');
  int digit = 100;
  for (std::size_t i = 2; i < q.size(); ++i, digit /= 10) {
    if (q[i] < '0' || q[i] > '9') return 0;
    sum += digit * (q[i] - '0');
  }
  return sum > 1000 ? 0 : sum;
}

/// Writes one exposition, sample by sample, in either format.
template <class Out>
class exposition {
 public:
  exposition(Out out, metric_format format, const metric_options& options)
      : to_(std::move(out)), options_(options), open_(format == metric_format::openmetrics) {}

  void begin(std::string name, metric_kind kind, std::string_view unit, std::string_view help) {
    name_ = std::move(name);
    kind_ = kind;
    const std::string_view type = kind == metric_kind::counter     ? "counter"
                                  : kind == metric_kind::histogram ? "histogram"
                                                                   : "gauge";
    // The family name of a counter has `_total` in one format, and not in the other.
    const std::string_view total = kind == metric_kind::counter && !open_ ? "_total" : "";
    const auto line = [&](std::string_view what) {
      to_.put(std::string_view("# "), what, name_, total, ' ');
    };
    if (open_) {
      line("TYPE ");
      to_.put(type, '\n');
      if (!unit.empty()) {
        line("UNIT ");
        to_.put(unit, '\n');
      }
    }
    line("HELP ");
    to_.put_escaped(help, open_ ? std::string_view("\\\"") : std::string_view("\\"));
    to_.put('\n');
    if (!open_) {
      line("TYPE ");
      to_.put(type, '\n');
    }
  }
  void sample(const metric_subject& subject, const metric_number& value) {
    head(kind_ == metric_kind::counter ? "_total" : "", subject);
    to_.put_number(value);
    to_.put('\n');
    if (kind_ == metric_kind::counter) created(subject);
  }
  void histogram(const metric_subject& subject, const metric_histogram& h) {
    for (const auto& bucket : h.buckets) {
      head("_bucket", subject, &bucket.bound);
      to_.put(bucket.cumulative);
      to_.put('\n');
    }
    head("_sum", subject);
    to_.put_real(h.sum);
    to_.put('\n');
    head("_count", subject);
    to_.put(h.buckets.back().cumulative);
    to_.put('\n');
    created(subject);
  }
  [[nodiscard]] Out end() && {
    if (open_) to_.put(std::string_view("# EOF\n"));
    return std::move(to_).out();
  }

 private:
  /// Writes the moment since when a counter counts.
  void created(const metric_subject& subject) {
    if (!open_ || !options_.clock || subject.pool == nullptr) return;
    head("_created", subject);
    to_.put_seconds(options_.clock->at(subject.pool->created).count());
    to_.put('\n');
  }
  void head(std::string_view suffix, const metric_subject& subject, const double* le = nullptr) {
    to_.put(name_, suffix);
    char before = '{';
    const auto name = [&](std::string_view label) {
      to_.put(before, label, std::string_view("=\""));
      before = ',';
    };
    const auto label = [&](std::string_view called, std::string_view value) {
      name(called);
      to_.put_escaped(value, "\\\"");
      to_.put('"');
    };
    if (subject.pool != nullptr) label(options_.pool_label, subject.pool->name);
    if (subject.tier != nullptr) {
      name(options_.tier_label);
      to_.put(subject.tier->size_bytes);
      to_.put('"');
    }
    if (!subject.kind.empty()) label("kind", subject.kind);
    for (const auto& [called, value] : options_.labels)
      label(called, value);
    if (le != nullptr) {
      name("le");
      to_.put_canonical(*le);
      to_.put('"');
    }
    to_.put(before == '{' ? std::string_view(" ") : std::string_view("} "));
  }

  text_writer<Out> to_;
  const metric_options& options_;
  std::string name_;
  metric_kind kind_ = metric_kind::gauge;
  bool open_;
};

}  // namespace detail

/// The format for a request with this `Accept` header: OpenMetrics only if the header names it, in
/// a supported version, with a weight not below that of text.
[[nodiscard]] constexpr metric_format negotiate(std::string_view accept) noexcept {
  int open = 0;
  int text = 0;
  int text_rank = -1;  // specificity of the range that decides about text
  while (!accept.empty()) {
    auto range = detail::take_part(accept, ',');
    const auto type = detail::take_part(range, ';');
    int quality = 1000;
    std::string_view version;
    while (!range.empty()) {
      auto value = detail::take_part(range, ';');
      const auto name = detail::take_part(value, '=');
      value = detail::trimmed(value);
      if (value.size() > 1 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      if (detail::same_word(name, "q")) quality = detail::quality_of(value);
      if (detail::same_word(name, "version")) version = value;
    }
    if (detail::same_word(type, "application/openmetrics-text")) {
      const bool ours = version.empty() || version == "1.0.0";
      if (ours && quality > open) open = quality;
      continue;
    }
    const int rank = detail::same_word(type, "text/plain") ? (version.empty() ? 2 : 3)
                     : detail::same_word(type, "text/*")   ? 1
                     : detail::same_word(type, "*/*")      ? 0
                                                           : -1;
    if (rank == -1 || (rank == 3 && version != "0.0.4") || rank < text_rank) continue;
    text = rank == text_rank && text > quality ? text : quality;
    text_rank = rank;
  }
  return open != 0 && open >= text ? metric_format::openmetrics : metric_format::prometheus;
}

/// Writes the metrics of pools in a format.
///
/// Names are `<prefix><metric>`. Metrics of a tier have the labels `pool` and `tier` (its block
/// size), all others only `pool`. A missing bound is `+Inf`. Bytes that are not UTF-8 become
/// U+FFFD.
///
/// Returns: the iterator behind the last character. Throws: `std::invalid_argument`, before
///   it writes, if two pools have the same name, or if the prefix or a label has an invalid name;
///   what the iterator throws.
template <std::output_iterator<const char&> Out>
Out write_metrics(Out out, metric_format format, std::span<const snapshot> pools,
                  const metric_options& options = {}) {
  detail::exposition<Out> text(std::move(out), format, options);
  detail::visit_metrics(pools, options, text);
  return std::move(text).end();
}
/// The metrics of one pool.
template <std::output_iterator<const char&> Out>
Out write_metrics(Out out, metric_format format, const snapshot& pool,
                  const metric_options& options = {}) {
  return write_metrics(std::move(out), format, std::span(&pool, 1), options);
}
/// As `write_metrics`, in text 0.0.4.
template <std::output_iterator<const char&> Out>
Out write_prometheus(Out out, std::span<const snapshot> pools, const metric_options& options = {}) {
  return write_metrics(std::move(out), metric_format::prometheus, pools, options);
}
/// As `write_metrics`, in OpenMetrics 1.0.
template <std::output_iterator<const char&> Out>
Out write_openmetrics(Out out, std::span<const snapshot> pools,
                      const metric_options& options = {}) {
  return write_metrics(std::move(out), metric_format::openmetrics, pools, options);
}

}  // namespace tarn
