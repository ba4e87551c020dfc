// SPDX-License-Identifier: MIT
//
// Adds the metrics of pools to those of prometheus-cpp.
//
//   auto pools = std::make_shared<tarn::prometheus_collectable>(
//       [] { return std::vector{frames->snapshot()}; });
//   exposer.RegisterCollectable(pools);  // keeps a weak pointer

#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <tarn/observe/text/metrics.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

/// The metrics of `write_prometheus`, with the same names and labels, for prometheus-cpp, where
/// numbers are doubles.
///
/// Thread safety: as the function, which each `Collect` calls.
class prometheus_collectable : public prometheus::Collectable {
 public:
  using source = std::function<std::vector<snapshot>()>;

  /// Reads the clock now if `options` has none.
  /// Throws: `std::invalid_argument` if the function is empty, or if a name in `options` is not
  /// valid.
  explicit prometheus_collectable(source pools, metric_options options = {})
      : pools_(std::move(pools)), options_(std::move(options)) {
    if (!pools_) throw std::invalid_argument("tarn: a collectable must have a source");
    detail::check_metric_options(options_);
    if (!options_.clock) options_.clock = wall_clock::now();
  }

  /// Throws: what the function throws; `std::invalid_argument` if two pools have the same name.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
    collector made(options_);
    const auto pools = pools_();
    detail::visit_metrics(pools, options_, made);
    return std::move(made.families);
  }

 private:
  struct collector {
    explicit collector(const metric_options& o) : options(o) {}

    void begin(std::string name, detail::metric_kind kind, std::string_view,
               std::string_view help) {
      const bool is_counter = kind == detail::metric_kind::counter;
      auto& family = families.emplace_back();
      family.name = std::move(name) + (is_counter ? "_total" : "");
      family.help = help;
      family.type = is_counter                               ? prometheus::MetricType::Counter
                    : kind == detail::metric_kind::histogram ? prometheus::MetricType::Histogram
                                                             : prometheus::MetricType::Gauge;
    }
    void sample(const detail::metric_subject& subject, const detail::metric_number& value) {
      auto& metric = labelled(subject);
      if (families.back().type == prometheus::MetricType::Counter) {
        metric.counter.value = value.real();
      } else {
        metric.gauge.value = value.real();
      }
    }
    void histogram(const detail::metric_subject& subject, const detail::metric_histogram& h) {
      auto& made = labelled(subject).histogram;
      for (const auto& bucket : h.buckets)
        made.bucket.push_back({bucket.cumulative, bucket.bound});
      made.sample_sum = h.sum;
      made.sample_count = h.buckets.back().cumulative;
    }
    prometheus::ClientMetric& labelled(const detail::metric_subject& subject) {
      auto& metric = families.back().metric.emplace_back();
      const auto label = [&](const std::string& name, std::string value) {
        metric.label.push_back({name, std::move(value)});
      };
      if (subject.pool != nullptr) label(options.pool_label, subject.pool->name);
      if (subject.tier != nullptr) {
        label(options.tier_label, std::to_string(subject.tier->size_bytes));
      }
      if (!subject.kind.empty()) label("kind", std::string(subject.kind));
      for (const auto& [name, value] : options.labels)
        label(name, value);
      return metric;
    }

    const metric_options& options;
    std::vector<prometheus::MetricFamily> families;
  };

  source pools_;
  metric_options options_;
};

}  // namespace tarn
