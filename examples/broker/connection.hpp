// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>

#include <tarn/interop/asio.hpp>

#include "commands.hpp"
#include "worker.hpp"

namespace broker {

/// One client: reads requests, executes them, and writes the answers.
///
/// It takes a buffer to read only when there is something to read, so an idle connection holds
/// none. It does not read while its output waits, so a client that does not read holds no more than
/// that. Lives as long as an operation of it does.
///
/// Thread safety: `deliver` under the lock of the state; all others on the worker's thread.
template <class Memory>
class connection final : public client<Memory>,
                         public std::enable_shared_from_this<connection<Memory>> {
  using base = client<Memory>;
  using shared_buffer = typename base::shared_buffer;
  using parser = request_parser<typename Memory::template allocator<char>>;
  using tcp = asio::ip::tcp;
  using net = tarn::asio_buffers<asio::mutable_buffer, asio::const_buffer>;

 public:
  connection(worker<Memory>& w, tcp::socket socket, std::int64_t number)
      : base(w.memory, number),
        worker_(w),
        socket_(std::move(socket)),
        in_(Memory::make_writer(w.memory.reads, std::size_t{1} << 30)),
        parser_(w.memory.store),
        inbox_(w.memory.store) {}
  ~connection() { close(""); }

  void start() {
    std::error_code error;
    socket_.non_blocking(true, error);
    if (!error) socket_.set_option(tcp::no_delay(true), error);
    worker_.open.insert(this);
    is_open_ = true;
    {
      const auto hold = worker_.shared.lock();
      ++worker_.shared.state.clients;
    }
    if (error) return close(error.message());
    wait_to_read();
  }

  /// Ends it at once. `why`: logged unless it is empty.
  void close(std::string_view why) {
    if (!is_open_) return;
    is_open_ = false;
    if (!why.empty()) {
      std::fprintf(stderr, "broker: client %lld: %.*s\n", static_cast<long long>(base::id),
                   static_cast<int>(why.size()), why.data());
    }
    {
      const auto hold = worker_.shared.lock();
      auto& state = worker_.shared.state;
      --state.clients;
      for (const auto& each : base::channels)
        state.subscribers.remove(false, each, *this);
      for (const auto& each : base::patterns)
        state.subscribers.remove(true, each, *this);
      inbox_.clear();
    }
    worker_.open.erase(this);
    base::out.clear();
    in_.clear();
    std::error_code ignored;
    socket_.close(ignored);
  }

  void deliver(const shared_buffer& head, const shared_buffer& body) override {
    if (is_overdue_) return;
    inbox_bytes_ += head.size() + body.size();
    // What waits for the system is counted when the message comes to the output.
    if (inbox_bytes_ > worker_.shared.bounds.output) {
      is_overdue_ = true;
    } else if (base::out.version == 3) {
      // The head is the same but for its first byte.
      inbox_.push_back(shared_buffer::of_static(std::string_view(">")));
      inbox_.push_back(head.slice(1));
    } else {
      inbox_.push_back(head);
    }
    if (!is_overdue_ && !body.empty()) inbox_.push_back(body);
    if (std::exchange(is_told_, true)) return;
    auto self = this->shared_from_this();
    if (worker_.events.get_executor().running_in_this_thread()) {
      worker_.to_flush.push_back(std::move(self));
    } else {
      asio::post(worker_.events, [self = std::move(self)] { self->take_inbox(); });
    }
  }
  /// Moves the messages of others to the output, and writes.
  void take_inbox() {
    if (!is_open_) return;
    bool overdue;
    {
      const auto hold = worker_.shared.lock();
      take_messages();
      overdue = is_overdue_ || base::out.bytes() > worker_.shared.bounds.output;
    }
    if (!is_writing_ && !overdue) return write();
    if (overdue) drop_subscriber();
  }

 private:
  static constexpr std::size_t usual_read = 16 << 10;
  static constexpr std::size_t most_read_ahead = 1 << 20;
  static constexpr std::size_t much_output = 1 << 20;

  /// Preconditions: the state is locked.
  void take_messages() {
    for (const auto& piece : inbox_)
      base::out.piece(piece);
    inbox_.clear();
    inbox_bytes_ = 0;
    is_told_ = false;
  }
  void drop_subscriber() {
    {
      const auto hold = worker_.shared.lock();
      ++worker_.shared.state.dropped;
    }
    close("dropped: it does not read, and " + std::to_string(base::out.bytes()) +
          " bytes wait for it");
  }

  void wait_to_read() {
    if (std::exchange(is_reading_, true)) return;
    socket_.async_wait(tcp::socket::wait_read,
                       [self = this->shared_from_this()](const std::error_code& error) {
                         self->is_reading_ = false;
                         if (!error && self->is_open_) self->read();
                       });
  }
  void read() {
    try {
      // Not all at once: a length is only what a client says.
      const auto to =
          in_.prepare(std::max(usual_read, std::min(parser_.wanted(), most_read_ahead)));
      std::error_code error;
      const auto n = socket_.read_some(asio::buffer(to.data(), to.size()), error);
      if (error == asio::error::would_block) {
        if (in_.empty()) in_.clear();
        return wait_to_read();
      }
      if (error) return close("");
      in_.commit(n);
    } catch (const std::exception& failed) {  // no memory, or more than may be
      return close(failed.what());
    }
    resume();
  }
  void resume() {
    try {
      go_on();
    } catch (const std::exception& failed) {
      close(failed.what());
    }
    worker_.flush();
    if (base::ends_server) worker_.shared.end_server();
  }
  /// Executes what is there, as long as its output is taken.
  void go_on() {
    bool is_waiting = execute();
    write();
    while (is_open_ && is_waiting && !is_writing_) {
      is_waiting = execute();
      write();
    }
    if (is_open_ && !is_writing_) wait_to_read();
  }
  /// Returns: true if there is much output, and more input.
  bool execute() {
    const auto hold = worker_.shared.lock();
    auto& state = worker_.shared.state;
    while (!base::ends) {
      const auto status = parser_.parse({reinterpret_cast<char*>(in_.data()), in_.size()});
      if (status == parse_status::incomplete) break;
      if (status == parse_status::failed) {
        base::out.error("ERR Protocol error: " + std::string(parser_.error()));
        base::ends = true;
        break;
      }
      if (parser_.count() != 0) {
        commands<Memory, parser>(state, *this, parser_).execute();
        // A message to itself comes before what it executes next.
        if (!inbox_.empty()) take_messages();
      }
      in_.consume(parser_.used());
      parser_.next();
      if (base::out.bytes() > much_output) return true;
    }
    if (in_.empty()) in_.clear();
    return false;
  }

  void write() {
    if (!is_open_ || is_writing_) return;
    std::error_code error;
    base::out.write_to([&](const auto& pieces) {
      const auto n = socket_.write_some(net::pieces(pieces), error);
      return error ? 0 : n;
    });
    if (error == asio::error::would_block) return wait_to_write();
    if (error) return close("");
    if (base::ends) end();
  }
  void wait_to_write() {
    is_writing_ = true;
    socket_.async_wait(tcp::socket::wait_write,
                       [self = this->shared_from_this()](const std::error_code& error) {
                         self->is_writing_ = false;
                         if (error || !self->is_open_) return;
                         self->write();
                         // Input that waited until the output was taken.
                         if (self->is_open_ && !self->is_writing_) self->resume();
                       });
  }
  /// Reads what has already come: a socket with unread bytes is reset, and the peer may not see the
  /// last answer then.
  void end() {
    std::error_code error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    char ignored[4096];
    for (int i = 0; !error && i != 1024; ++i)
      socket_.read_some(asio::buffer(ignored), error);
    close("");
  }

  worker<Memory>& worker_;
  tcp::socket socket_;
  typename Memory::writer in_;
  parser parser_;
  // These are protected by the lock of the state, and so are the subscriptions.
  std::vector<shared_buffer, typename Memory::template allocator<shared_buffer>> inbox_;
  std::size_t inbox_bytes_ = 0;
  bool is_told_ = false;     // `take_inbox` will be called
  bool is_overdue_ = false;  // it has left more unread than may wait
  bool is_open_ = false;
  bool is_reading_ = false;  // waits for input
  bool is_writing_ = false;  // waits until the system takes output
};

template <class Memory>
void worker<Memory>::flush() {
  for (std::size_t i = 0; i != to_flush.size(); ++i)
    std::shared_ptr(to_flush[i])->take_inbox();
  to_flush.clear();
}

}  // namespace broker
