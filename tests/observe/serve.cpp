// SPDX-License-Identifier: MIT
//
// Serves scripted pools on a free port of the loopback, which it prints, for a real Prometheus to
// read. Ends on GET /end, or after two minutes.
//
//   /metrics   the format that the Accept header asks for
//   /text      text 0.0.4
//   /spoilt    OpenMetrics without its end
//   /vars      expvar
//   /work      does some work

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <httplib.h>

#include <tarn/observe/json.hpp>
#include <tarn/observe/prometheus.hpp>

#include "observe/scripted_pools.hpp"

int main() {
  std::mutex mutex;  // handlers run on threads
  test::scripted_pools pools;
  std::vector<test::scripted_pools::recording_pool::buffer> kept;
  const tarn::metric_options options{.labels = {{"host", "a\\b\"c"}},
                                     .clock = tarn::wall_clock::now()};
  httplib::Server server;

  const auto answer = [&](httplib::Response& response, tarn::metric_format format) {
    const std::lock_guard hold(mutex);
    std::string body;
    tarn::write_metrics(std::back_inserter(body), format, pools.snapshots(), options);
    response.set_content(body, std::string(tarn::content_type(format)).c_str());
  };
  server.Get("/metrics", [&](const httplib::Request& request, httplib::Response& response) {
    answer(response, tarn::negotiate(request.get_header_value("Accept")));
  });
  server.Get("/text", [&](const httplib::Request&, httplib::Response& response) {
    answer(response, tarn::metric_format::prometheus);
  });
  server.Get("/spoilt", [&](const httplib::Request&, httplib::Response& response) {
    answer(response, tarn::metric_format::openmetrics);
    response.body.resize(response.body.size() - std::string_view("# EOF\n").size());
  });
  server.Get("/vars", [&](const httplib::Request&, httplib::Response& response) {
    const std::lock_guard hold(mutex);
    std::string body;
    tarn::write_debug_vars(std::back_inserter(body),
                           std::span<const tarn::snapshot>(pools.snapshots()));
    response.set_content(body, std::string(tarn::json_content_type).c_str());
  });
  server.Get("/work", [&](const httplib::Request&, httplib::Response& response) {
    const std::lock_guard hold(mutex);
    for (std::size_t size = 1; size < 5'000'000; size *= 3) {
      static_cast<void>(pools.buffers.get(size));
      kept.push_back(pools.frames.get(size));
    }
    response.set_content("done\n", "text/plain");
  });
  server.Get("/end", [&](const httplib::Request&, httplib::Response&) { server.stop(); });

  const int port = server.bind_to_any_port("127.0.0.1");
  if (port <= 0) return 1;
  std::printf("%d\n", port);
  std::fflush(stdout);
  std::jthread watchdog([&](const std::stop_token& stop) {
    for (int i = 0; i != 1200 && !stop.stop_requested(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    server.stop();
  });
  return server.listen_after_bind() ? 0 : 1;
}
