// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "connection.hpp"
#include "options.hpp"
#include "worker.hpp"

namespace broker {

/// Listens on the loopback interface, and spreads the connections over the threads.
template <class Memory>
class server {
  using tcp = asio::ip::tcp;

 public:
  /// Throws: `std::system_error` if the port is taken.
  server(Memory& m, const options& o) : memory_(m), shared_(m, o.threads) {
    shared_.bounds.output = o.output_limit;
    shared_.end_server = [this] { asio::post(workers_.front().events, [this] { end(); }); };
    for (unsigned i = 0; i != o.threads; ++i)
      workers_.emplace_back(m, shared_);
    auto& events = workers_.front().events;
    acceptor_.emplace(events, tcp::endpoint(asio::ip::address_v4::loopback(),
                                            static_cast<asio::ip::port_type>(o.port)));
    signals_.emplace(events, SIGINT, SIGTERM);
    timer_.emplace(events);
  }
  [[nodiscard]] unsigned port() const { return acceptor_->local_endpoint().port(); }

  /// Returns when a signal or a client has ended it, and all connections are closed.
  void run() {
    for (auto& w : workers_)
      guards_.emplace_back(w.events.get_executor());
    signals_->async_wait([this](const std::error_code& error, int) {
      if (!error) end();
    });
    accept();
    maintain();
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 1; i != workers_.size(); ++i)
        threads.emplace_back([&w = workers_[i]] { w.events.run(); });
      workers_.front().events.run();
    }
  }

 private:
  void accept() {
    auto& to = workers_[next_++ % workers_.size()];
    acceptor_->async_accept(
        to.events, [this, &to](const std::error_code& error, tcp::socket socket) {
          if (is_ending_) return;
          if (error) {
            // Most likely there are too many files. The next one waits until others have ended.
            std::fprintf(stderr, "broker: a connection was not accepted: %s\n",
                         error.message().c_str());
            return pause_accepting();
          }
          asio::post(to.events, [this, &to, id = ++last_id_, taken = std::move(socket)]() mutable {
            if (to.is_ending) return;
            typename Memory::template allocator<connection<Memory>> allocator(memory_.store);
            std::allocate_shared<connection<Memory>>(allocator, to, std::move(taken), id)->start();
          });
          accept();
        });
  }
  void pause_accepting() {
    auto pause = std::make_shared<asio::steady_timer>(workers_.front().events,
                                                      std::chrono::milliseconds(100));
    pause->async_wait([this, pause](const std::error_code&) {
      if (!is_ending_) accept();
    });
  }

  /// Erases keys whose time is over, and gives idle memory back.
  void maintain() {
    timer_->expires_after(std::chrono::milliseconds(100));
    timer_->async_wait([this](const std::error_code& error) {
      if (error || is_ending_) return;
      {
        const auto hold = shared_.lock();
        shared_.state.keys.sweep(4096);
      }
      if (++ticks_ % 10 == 0) memory_.maintain();
      maintain();
    });
  }

  void end() {
    if (std::exchange(is_ending_, true)) return;
    std::error_code ignored;
    acceptor_->close(ignored);
    signals_->cancel(ignored);
    timer_->cancel();
    for (auto& w : workers_) {
      asio::post(w.events, [&w] {
        w.is_ending = true;
        const std::vector open(w.open.begin(), w.open.end());
        for (auto* const each : open)
          each->close("");
      });
    }
    guards_.clear();
  }

  Memory& memory_;
  guarded_state<Memory> shared_;
  std::deque<worker<Memory>> workers_;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::signal_set> signals_;
  std::optional<asio::steady_timer> timer_;
  std::size_t next_ = 0;
  std::int64_t last_id_ = 0;
  unsigned ticks_ = 0;
  bool is_ending_ = false;
};

/// Serves on memory of this kind. Returns: 0 if all memory came back.
template <class Memory>
int serve(const options& o) {
  Memory memory;
  {
    server<Memory> s(memory, o);
    std::printf("%u\n", s.port());
    std::fflush(stdout);
    s.run();
  }
  return memory.balance() ? 0 : 1;
}

}  // namespace broker
