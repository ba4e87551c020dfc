// SPDX-License-Identifier: MIT
//
// A server in the Redis protocol whose memory is pools; see --help.

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

#include "../pipeline/arguments.hpp"
#include "options.hpp"

namespace {

constexpr std::array<std::string_view, 2> memories{"tarn", "malloc"};

broker::options parse(std::span<char* const> command_line) {
  broker::options o;
  for (pipeline::arguments each(command_line); each.next();) {
    const auto name = each.name();
    if (name == "--port") {
      o.port = each.number(0, 65535);
    } else if (name == "--threads") {
      o.threads = each.number(1, 256);
    } else if (name == "--memory") {
      o.on_malloc = each.one_of(memories) == 1;
    } else if (name == "--output-limit") {
      o.output_limit = each.number(4096, 1 << 30);
    } else if (name == "--help" || name == "-h") {
      o.help = each.flag();
    } else {
      each.unknown("--port, --threads, --memory, --output-limit, --help");
    }
  }
  return o;
}

constexpr const char* usage =
    "usage: broker [options]\n"
    "\n"
    "Serves clients of the Redis protocol, on the loopback interface only. Prints its port.\n"
    "\n"
    "  --port N          0 to 65535; 0: any that is free (6390)\n"
    "  --threads N       1 to 256; connections are spread over them (1)\n"
    "  --memory NAME     tarn or malloc (tarn)\n"
    "  --output-limit N  bytes that may wait for a subscriber; then it is dropped (8388608)\n"
    "  --help            this text\n"
    "\n"
    "Ends on SIGINT, SIGTERM and the command SHUTDOWN, and prints the balance of its pools.\n"
    "Exit code: 0; 1 if it can't run, or if a block did not come back; 2 for a wrong option.\n";

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): a write to a closed socket is an error
  try {
    const auto o = parse(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    if (!o.help) return o.on_malloc ? broker::serve_on_malloc(o) : broker::serve_on_tarn(o);
    std::fputs(usage, stdout);
    return 0;
  } catch (const pipeline::usage_error& wrong) {
    std::fprintf(stderr, "broker: %s\nTry 'broker --help'.\n", wrong.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "broker: %s\n", error.what());
    return 1;
  }
}
