// SPDX-License-Identifier: MIT
//
// Reading from streams and file descriptors.

#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <sstream>
#include <string>
#include <system_error>

#include <tarn/fast_buffer.hpp>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"

namespace {

using test::text_of;

struct pipe_ends {
  pipe_ends() { REQUIRE(::pipe(ends) == 0); }
  ~pipe_ends() {
    close_writer();
    ::close(ends[0]);
  }
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;

  void write(const std::string& text) const {
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close_writer() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  int ends[2] = {-1, -1};
};

int woken_writer = -1;
volatile sig_atomic_t signals = 0;
// The first signal only interrupts, the second one writes the bytes that the reader waits for.
void on_alarm(int) {
  signals = signals + 1;
  if (signals == 2) static_cast<void>(!::write(woken_writer, "late", 4));
}

}  // namespace

TEST_CASE("a stream is read up to the number asked for, or to its end", "[fast_buffer]") {
  tarn::byte_pool<> pool;
  tarn::fast_buffer b(pool);
  std::istringstream in(text_of(1000));
  b.append("> ");
  CHECK(b.read_from(in, 300) == 300);
  CHECK(b.read_from(in, 0) == 0);
  CHECK(b.view() == "> " + text_of(1000).substr(0, 300));
  CHECK(b.read_from(in, 5000) == 700);
  CHECK(b.view() == "> " + text_of(1000));
  CHECK(in.eof());
  CHECK(b.read_from(in, 10) == 0);
  CHECK(b.size() == 1002);
}

TEST_CASE("a file descriptor is read once, as much as there is", "[fast_buffer]") {
  tarn::byte_pool<> pool;
  tarn::fast_buffer b(pool);
  pipe_ends pipe;
  pipe.write(text_of(1000));
  b.append("> ");
  CHECK(b.read_from(pipe.ends[0], 400) == 400);
  CHECK(b.read_from(pipe.ends[0], 100000) == 600);
  CHECK(b.view() == "> " + text_of(1000));
  pipe.close_writer();
  CHECK(b.read_from(pipe.ends[0], 10) == 0);
  CHECK(b.view() == "> " + text_of(1000));
}

TEST_CASE("a failed read is an error with its reason, and nothing is appended", "[fast_buffer]") {
  tarn::byte_pool<> pool;
  tarn::fast_buffer b(pool);
  b.append("text");
  int reason = 0;
  try {
    static_cast<void>(b.read_from(-1, 10));
  } catch (const std::system_error& e) {
    reason = e.code().value();
    CHECK(e.code().category() == std::generic_category());
  }
  CHECK(reason == EBADF);
  CHECK(b.view() == "text");
}

TEST_CASE("a signal does not end a read", "[fast_buffer]") {
  tarn::byte_pool<> pool;
  tarn::fast_buffer b(pool);
  pipe_ends pipe;
  woken_writer = pipe.ends[1];
  signals = 0;
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = on_alarm;  // without SA_RESTART: read returns EINTR
  REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);
  const itimerval soon{{0, 20'000}, {0, 20'000}};
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &soon, nullptr);
  std::size_t got = 0;
  int reason = 0;
  try {
    got = b.read_from(pipe.ends[0], 10);
  } catch (const std::system_error& e) {
    reason = e.code().value();
  }
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  CHECK(reason == 0);
  CHECK(got == 4);
  CHECK(b.view() == "late");
  CHECK(signals >= 2);
}
