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

/// Answers on 127.0.0.1, and only to requests for that name.
class server {
 public:
  /// The number of readers that may listen to events at the same time; others are told to come
  /// back.
  static constexpr int most_listeners = 32;

  /// Throws: `std::runtime_error` naming the port if it can't be bound.
  server(pools& of, const observer& o, event_stream& events, unsigned port);
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  /// Closes all connections and waits for its threads.
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
