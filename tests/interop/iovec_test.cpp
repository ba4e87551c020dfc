// SPDX-License-Identifier: MIT
//
// Bytes for system calls: partial writes, signals, many pieces.

#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/chain.hpp>
#include <tarn/interop/iovec.hpp>

#include "support/catch.hpp"

namespace {

static_assert(tarn::contiguous_bytes<tarn::buffer>);
static_assert(tarn::contiguous_bytes<tarn::shared_buffer>);
static_assert(tarn::contiguous_bytes<std::string>);
static_assert(tarn::contiguous_bytes<std::vector<unsigned char>>);
static_assert(!tarn::contiguous_bytes<std::vector<int>>);
static_assert(!tarn::contiguous_bytes<tarn::chain>);
static_assert(tarn::byte_pieces<tarn::chain>);
static_assert(tarn::byte_pieces<std::list<std::string>>);
static_assert(tarn::byte_pieces<std::span<const std::span<const std::byte>>>);
static_assert(!tarn::byte_pieces<std::string>);

/// Both ends of a connection with a small buffer.
class connection {
 public:
  connection() {
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_) == 0);
    const int little = 4096;
    REQUIRE(setsockopt(ends_[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof little) == 0);
    const timeval patience{5, 0};  // bytes that never arrive fail the test instead of stopping it
    REQUIRE(setsockopt(ends_[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  }
  ~connection() {
    close_writer();
    close(ends_[1]);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  [[nodiscard]] int writer() const { return ends_[0]; }
  [[nodiscard]] int reader() const { return ends_[1]; }
  void close_writer() {
    if (ends_[0] != -1) close(ends_[0]);
    ends_[0] = -1;
  }
  /// The bytes that arrive, until `wanted` bytes, the end, or a long silence.
  [[nodiscard]] std::string read(std::size_t wanted = SIZE_MAX) const {
    std::string all;
    char some[1000];
    while (all.size() < wanted) {
      const auto n = ::read(ends_[1], some, std::min(sizeof some, wanted - all.size()));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      all.append(some, static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  int ends_[2];
};

/// Pieces of all sizes, empty ones included, and their concatenation.
std::vector<std::string> many_pieces(std::size_t n) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i != n; ++i)
    pieces.emplace_back(i % 3 == 0 ? 0 : i * 37 % 500, static_cast<char>('a' + i % 26));
  return pieces;
}
std::string joined(const auto& pieces) {
  std::string all;
  for (const auto& p : pieces) {
    const auto bytes = tarn::bytes_of(p);
    all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return all;
}

std::atomic<int> signals{0};

}  // namespace

TEST_CASE("anything contiguous is an iovec", "[iovec]") {
  tarn::byte_pool<> pool;
  const auto b = pool.get(100);
  CHECK(tarn::to_iovec(b).iov_base == b.data());
  CHECK(tarn::to_iovec(b).iov_len == 100);
  const std::string s = "four";
  CHECK(tarn::to_iovec(s).iov_base == s.data());
  CHECK(tarn::to_iovec(s).iov_len == 4);
  CHECK(tarn::to_iovec(std::string_view()).iov_len == 0);
}

TEST_CASE("pieces become as many iovecs as there is room for", "[iovec]") {
  const std::vector<std::string> pieces = {"", "one", "", "", "three", "five5", ""};
  std::array<iovec, 2> few{};
  const auto two = tarn::to_iovecs(pieces, few);
  REQUIRE(two.size() == 2);
  CHECK(two[0].iov_base == pieces[1].data());
  CHECK(two[1].iov_base == pieces[4].data());
  std::array<iovec, 8> many{};
  CHECK(tarn::to_iovecs(pieces, many).size() == 3);  // empty pieces are left out
  tarn::piece_cursor at(pieces);
  CHECK(at.skip(5) == 5);
  const auto rest = tarn::to_iovecs(at, many);
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].iov_base == pieces[4].data() + 2);
  CHECK(rest[0].iov_len == 3);
  CHECK(at.skip(100) == 8);
  CHECK(at.done());
  CHECK(tarn::to_iovecs(std::vector<std::string>(3), many).empty());
}

TEST_CASE("all is written however little the system takes", "[iovec]") {
  for (const std::size_t n : {0U, 1U, 63U, 64U, 65U, 3000U}) {  // one call takes 1024 at most
    connection c;
    const auto pieces = many_pieces(n);
    tarn::write_result sent{};
    std::thread writer([&] {
      sent = tarn::write_all(c.writer(), pieces);
      c.close_writer();
    });
    const auto got = c.read();
    writer.join();
    CHECK(got == joined(pieces));
    CHECK(sent.bytes == got.size());
    CHECK(sent.error == 0);
  }
}

TEST_CASE("a chain is written, and one piece alone", "[iovec]") {
  connection c;
  tarn::byte_pool<> pool;
  tarn::chain chain(pool);
  chain.append("header: ");
  auto payload = pool.get(1000);
  std::fill(payload.begin(), payload.end(), std::byte{'p'});
  chain.append(std::move(payload));
  chain.append("\r\n");
  const auto expected = "header: " + std::string(1000, 'p') + "\r\n";
  REQUIRE(chain.size() == expected.size());
  CHECK(tarn::write_all(c.writer(), chain).bytes == chain.size());
  CHECK(c.read(chain.size()) == expected);
  CHECK(tarn::write_all(c.writer(), std::string("alone"), 2).bytes == 3);
  CHECK(c.read(3) == "one");
  CHECK(tarn::write_all(c.writer(), std::string("alone"), 9).bytes == 0);
}

TEST_CASE("what does not fit now is said, and goes on from there", "[iovec]") {
  connection c;
  const auto pieces = many_pieces(500);
  const auto expected = joined(pieces);
  std::string got;
  std::size_t sent = 0;
  std::size_t refusals = 0;
  // As with a socket that does not block: each call writes as much as there is room for.
  const timeval soon{0, 1000};
  REQUIRE(setsockopt(c.writer(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) == 0);
  while (refusals != 300) {
    const auto result = tarn::write_all(c.writer(), pieces, sent);
    sent += result.bytes;
    if (result.error == 0) break;
    REQUIRE(result.error == EAGAIN);
    ++refusals;
    got += c.read(700);
  }
  c.close_writer();
  got += c.read();
  CHECK(refusals > 10);
  CHECK(sent == expected.size());
  CHECK(got == expected);
}

TEST_CASE("a signal does not end it", "[iovec]") {
  struct sigaction action{};
  action.sa_handler = [](int) { ++signals; };  // without SA_RESTART: calls end with EINTR
  struct sigaction before{};
  sigaction(SIGUSR1, &action, &before);
  connection c;
  const auto pieces = many_pieces(1000);
  tarn::write_result sent{};
  std::thread writer([&] { sent = tarn::write_all(c.writer(), pieces); });
  const auto expected = joined(pieces);
  std::string got;
  std::size_t came = 1;
  while (came != 0 && got.size() != expected.size()) {
    pthread_kill(writer.native_handle(), SIGUSR1);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    const auto some = c.read(std::min<std::size_t>(1000, expected.size() - got.size()));
    came = some.size();
    got += some;
  }
  writer.join();
  sigaction(SIGUSR1, &before, nullptr);
  CHECK(signals > 10);
  CHECK(sent.error == 0);
  CHECK(got == expected);
}

TEST_CASE("an error is returned with what was written", "[iovec]") {
  const auto closed = tarn::write_all(-1, std::string("x"));
  CHECK(closed.bytes == 0);
  CHECK(closed.error == EBADF);
  CHECK(tarn::write_all(-1, std::string()).error == 0);  // no system call

  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before{};
  sigaction(SIGPIPE, &ignore, &before);
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  close(pipe_ends[0]);
  CHECK(tarn::write_all(pipe_ends[1], std::string("x")).error == EPIPE);
  close(pipe_ends[1]);
  sigaction(SIGPIPE, &before, nullptr);
}
