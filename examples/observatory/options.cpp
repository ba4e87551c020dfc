// SPDX-License-Identifier: MIT
#include "options.hpp"

#include "../pipeline/arguments.hpp"

#include <fstream>

namespace observatory {
namespace {

/// Throws: `pipeline::usage_error`.
std::string readable_file(std::string_view option, std::string_view path) {
  std::ifstream file{std::string(path)};
  file.peek();  // detects a directory, which can be opened
  if (file.bad() || !file.is_open()) {
    throw pipeline::usage_error(std::string(option) + " is '" + std::string(path) +
                                "', must be a file that can be read");
  }
  return std::string(path);
}

constexpr unsigned most_port = 65535;
constexpr unsigned most_seconds = 7 * 24 * 60 * 60;

}  // namespace

options parse(std::span<char* const> command_line) {
  options o;
  bool has_path = false;
  for (pipeline::arguments each(command_line); each.next();) {
    const auto name = each.name();
    if (name == "--port") {
      o.port = each.number(0, most_port);
    } else if (name == "--seconds") {
      o.seconds = each.number(1, most_seconds);
    } else if (name == "--path") {
      o.path = each.directory();
      has_path = true;
    } else if (name == "--pressure") {
      o.pressure = readable_file(name, each.value());
    } else if (name == "--leak") {
      o.leak = each.flag();
    } else if (name == "--help" || name == "-h") {
      o.help = each.flag();
    } else {
      each.unknown("--port, --seconds, --path, --pressure, --leak, --help");
    }
  }
  if (!o.help && !has_path) o.path = pipeline::existing_directory("--path", o.path);
  return o;
}

std::string usage() {
  const options defaults;
  return "usage: observatory [options]\n"
         "\n"
         "Runs the load of the pipeline, uploads that come in spikes, and sessions on named "
         "pools,\n"
         "and shows what the pools do on a page of its own, on the loopback interface only.\n"
         "\n"
         "  --port N      0 to " +
         std::to_string(most_port) + "; 0: any that is free (" + std::to_string(defaults.port) +
         ")\n"
         "  --seconds N   ends after so many, 1 to " +
         std::to_string(most_seconds) +
         " (ends on SIGINT or SIGTERM)\n"
         "  --path DIR    the text that the load is made of (" +
         defaults.path +
         ")\n"
         "  --pressure F  a file in the format of /proc/pressure/memory, read instead of it (the\n"
         "                system's, or the use of the cgroup)\n"
         "  --leak        plants a slow leak, which the page must find\n"
         "  --help        this text\n"
         "\n"
         "Prints the address of the page. It also answers:\n"
         "\n"
         "  /metrics      for Prometheus: text 0.0.4 or OpenMetrics 1.0, as the Accept header "
         "asks\n"
         "  /debug/vars   in the shape of Go's expvar\n"
         "  /events       what the pools do, as server-sent events\n"
         "  /state.json   what the page shows\n"
         "\n"
         "Exit code: 0; 1 if it can't run; 2 for a wrong option.\n";
}

}  // namespace observatory
