// SPDX-License-Identifier: MIT
//
// Prints scripted pools in the requested format, for checkers to read.

#include <cstdio>
#include <iostream>
#include <iterator>
#include <string_view>

#include <tarn/compat/seeds.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/observe/prometheus.hpp>

#include "observe/scripted_pools.hpp"

int main(int count, char** arguments) {
  const std::string_view format = count == 2 ? arguments[1] : "";
  const test::scripted_pools pools;
  const auto all = pools.snapshots();
  const tarn::metric_options options{
      .labels = {{"host", "a\\b\"c"}},
      .clock = tarn::wall_clock{all[0].taken, tarn::time_span::of_seconds(1'767'323'045)}};
  const std::ostreambuf_iterator<char> out(std::cout);
  if (format == "prometheus") {
    tarn::write_prometheus(out, all, options);
  } else if (format == "openmetrics") {
    tarn::write_openmetrics(out, all, options);
  } else if (format == "takhin") {
    tarn::write_takhin_metrics(out, all[1], all[3], all[4]);
  } else if (format == "json") {
    tarn::write_json(out, all);
  } else if (format == "debug_vars") {
    tarn::write_debug_vars(out, std::span<const tarn::snapshot>(all));
  } else if (format == "portask") {
    tarn::write_json(out, tarn::to_portask(all[0], *options.clock));
  } else {
    std::fprintf(stderr, "formats: prometheus openmetrics takhin json debug_vars portask\n");
    return 2;
  }
  return std::cout.flush() ? 0 : 1;
}
