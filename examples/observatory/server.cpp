// SPDX-License-Identifier: MIT
#include "server.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <sys/socket.h>

#include <tarn/observe/json.hpp>
#include <tarn/observe/prometheus.hpp>

#include "page.hpp"

namespace observatory {
namespace {

using namespace std::chrono_literals;
using httplib::Request;
using httplib::Response;

constexpr std::array<std::string_view, 5> paths{"/", "/metrics", "/debug/vars", "/events",
                                                "/state.json"};
constexpr auto heartbeat = 5s;

/// Without the port. Another site may have its name resolved to 127.0.0.1; its page must not read
/// any data.
bool is_loopback(std::string_view host) {
  const auto colon = host.find(':');
  const auto name = host.substr(0, colon);
  return name == "127.0.0.1" || name == "localhost";
}

void answer_plainly(Response& response, int status, const std::string& text) {
  response.status = status;
  response.set_content(text + "\n", "text/plain; charset=utf-8");
}

/// The bytes are sent without a copy.
void answer(Response& response, answer_bytes bytes, std::string_view type) {
  const auto size = bytes.size();
  response.set_header("Cache-Control", "no-store");
  response.set_content_provider(
      size, std::string(type),
      [bytes = std::move(bytes)](std::size_t at, std::size_t length, httplib::DataSink& sink) {
        return sink.write(bytes.view().data() + at, length);
      });
}

}  // namespace

server::server(pools& of, const observer& o, event_stream& events, unsigned port)
    : pools_(of), observer_(o), events_(events) {
  // A listener keeps its thread.
  http_.new_task_queue = [] { return new httplib::ThreadPool(most_listeners + 8); };
  // Without SO_REUSEPORT, which the library sets: with it two programs would share the port
  // unnoticed.
  http_.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  http_.set_keep_alive_timeout(1);  // the end waits that long for idle connections
  http_.set_read_timeout(2s);
  http_.set_write_timeout(2s);
  http_.set_payload_max_length(4096);
  add_routes();
  if (port == 0) {
    port_ = http_.bind_to_any_port("127.0.0.1");
  } else if (http_.bind_to_port("127.0.0.1", static_cast<int>(port))) {
    port_ = static_cast<int>(port);
  }
  if (port_ <= 0) {
    throw std::runtime_error("port " + std::to_string(port) +
                             " of 127.0.0.1 can't be had: " + std::strerror(errno));
  }
  thread_ = std::thread([this] { http_.listen_after_bind(); });
  // `stop` has no effect before that.
  while (!http_.is_running())
    std::this_thread::sleep_for(1ms);
}

server::~server() {
  events_.close();
  http_.stop();
  thread_.join();
}

void server::add_routes() {
  http_.set_default_headers(
      {{"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"}});
  http_.set_pre_routing_handler([](const Request& request, Response& response) {
    using result = httplib::Server::HandlerResponse;
    if (!is_loopback(request.get_header_value("Host"))) {
      answer_plainly(response, 421, "only as 127.0.0.1 or localhost");
      return result::Handled;
    }
    if (std::find(paths.begin(), paths.end(), request.path) == paths.end()) {
      answer_plainly(response, 404,
                     "there is no such page; there are /, /metrics, /debug/vars, "
                     "/events and /state.json");
      return result::Handled;
    }
    if (request.method != "GET" && request.method != "HEAD") {
      response.set_header("Allow", "GET, HEAD");
      answer_plainly(response, 405, "only GET and HEAD");
      return result::Handled;
    }
    return result::Unhandled;
  });
  http_.Get("/", [](const Request&, Response& response) {
    response.set_header("Cache-Control", "no-store");
    // The page contains all that it needs, and reads only from this server.
    response.set_header("Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; script-src "
                        "'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; "
                        "form-action 'none'; frame-ancestors 'none'");
    response.set_content(page.data(), page.size(), "text/html; charset=utf-8");
  });
  http_.Get("/metrics",
            [this](const Request& request, Response& response) { metrics(request, response); });
  http_.Get("/debug/vars", [this](const Request&, Response& response) { variables(response); });
  http_.Get("/state.json", [this](const Request&, Response& response) {
    answer(response, observer_.state(), tarn::json_content_type);
  });
  http_.Get("/events", [this](const Request& request, Response& response) {
    listen_to_events(request, response);
  });
}

void server::metrics(const Request& request, Response& response) {
  const auto format = tarn::negotiate(request.get_header_value("Accept"));
  const auto seen = pools_.registry().snapshots();
  answer_writer out(pools_.answers);
  tarn::write_metrics(std::back_inserter(out), format, std::span<const tarn::snapshot>(seen),
                      {.clock = tarn::wall_clock::now()});
  response.set_header("Vary", "Accept");
  answer(response, out.detach_shared(), tarn::content_type(format));
}

void server::variables(Response& response) {
  const auto seen = pools_.registry().snapshots();
  answer_writer out(pools_.answers);
  tarn::write_debug_vars(std::back_inserter(out), std::span<const tarn::snapshot>(seen));
  answer(response, out.detach_shared(), tarn::json_content_type);
}

void server::listen_to_events(const Request& request, Response& response) {
  // relaxed, here and below: the number is only compared to a limit.
  if (listeners_.fetch_add(1, std::memory_order_relaxed) >= most_listeners) {
    listeners_.fetch_sub(1, std::memory_order_relaxed);
    response.set_header("Retry-After", "5");
    return answer_plainly(response, 503,
                          std::to_string(most_listeners) + " listen already, as many as may");
  }
  std::uint64_t seen = 0;
  const auto last = request.get_header_value("Last-Event-ID");
  std::from_chars(last.data(), last.data() + last.size(), seen);
  response.set_header("Cache-Control", "no-store");
  response.set_chunked_content_provider(
      "text/event-stream",
      [this, seen, news = std::string(), quiet_since = std::chrono::steady_clock::now(),
       is_first = true](std::size_t, httplib::DataSink& sink) mutable {
        if (std::exchange(is_first, false)) {
          // Sent at once, so that the reader knows that the stream works.
          if (!sink.write("retry: 2000\n\n", 13)) return false;
        }
        const bool open = events_.wait(seen, news);
        const auto now = std::chrono::steady_clock::now();
        if (news.empty() && now - quiet_since >= heartbeat) news = ": still here\n\n";
        if (!news.empty()) quiet_since = now;
        // A reader that has left is detected here, and not at the next event.
        if (!sink.is_writable() || (!news.empty() && !sink.write(news.data(), news.size()))) {
          return false;
        }
        if (!open) sink.done();
        return true;
      },
      [this](bool) { listeners_.fetch_sub(1, std::memory_order_relaxed); });
}

}  // namespace observatory
