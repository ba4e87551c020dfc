// SPDX-License-Identifier: MIT
//
// Pools under a load, and a page that shows their state; see --help.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>

#include "../pipeline/arguments.hpp"
#include "event_stream.hpp"
#include "load.hpp"
#include "observer.hpp"
#include "options.hpp"
#include "pools.hpp"
#include "server.hpp"

namespace {

/// SIGINT and SIGTERM. From its construction on, these signals stay pending until `wait` takes one.
///
/// Made before the threads, which inherit the signal mask.
class end_signals {
 public:
  end_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  /// Returns when a signal comes, or after the given number of seconds.
  void wait(std::optional<unsigned> seconds) const {
    using clock = std::chrono::steady_clock;
    const auto end = clock::now() + std::chrono::seconds(seconds.value_or(0));
    for (;;) {
      // Waits in pieces: a process that was stopped and continued is woken early.
      timespec piece{1, 0};
      if (seconds) {
        const auto left = std::chrono::nanoseconds(end - clock::now()).count();
        if (left <= 0) return;
        if (left < 1'000'000'000) piece = {0, static_cast<long>(left)};
      }
      if (sigtimedwait(&set_, nullptr, &piece) > 0) return;
    }
  }

 private:
  sigset_t set_{};
};

int run(const observatory::options& o) {
  const end_signals signals;
  observatory::pools pools;
  observatory::event_stream stream;
  pools.events.set_sink([&](const tarn::event& e) { stream.add(e); });
  {
    observatory::load load(pools, o.path, o.leak);
    const observatory::observer observer(pools, load, o.seconds, o.pressure);
    const observatory::server server(pools, observer, stream, o.port);
    load.start();
    std::printf("http://127.0.0.1:%d/\n", server.port());
    if (std::fflush(stdout) != 0) {
      std::perror("observatory: the address was not written");
      return 1;
    }
    signals.wait(o.seconds);
  }
  pools.events.set_sink({});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto o = observatory::parse(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    if (!o.help) return run(o);
    std::fputs(observatory::usage().c_str(), stdout);
    return 0;
  } catch (const pipeline::usage_error& wrong) {
    std::fprintf(stderr, "observatory: %s\nTry 'observatory --help'.\n", wrong.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "observatory: %s\n", error.what());
    return 1;
  }
}
