// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include <httplib.h>

#include "event_stream.hpp"
#include "observer.hpp"
#include "pools.hpp"

namespace observatory {

/// Answers on 127.0.0.1, and to nobody who calls it otherwise.
class server {
 public:
  /// So many may listen to events at the same time; the rest are told to come back.
  static constexpr int most_listeners = 32;

  /// Throws: `std::runtime_error` naming the port if it can't be had.
  server(pools& of, const observer& o, event_stream& events, unsigned port);
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  /// Hangs up on everybody and waits for its threads.
  ~server();

  [[nodiscard]] int port() const noexcept { return port_; }

 private:
  void add_routes();
  void metrics(const httplib::Request& request, httplib::Response& response);
  void variables(httplib::Response& response);
  void listen_to_events(const httplib::Request& request, httplib::Response& response);

  pools& pools_;
  const observer& observer_;
  event_stream& events_;
  std::atomic<int> listeners_{0};
  httplib::Server http_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace observatory
