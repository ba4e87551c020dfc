// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <thread>

namespace pipeline {
namespace {

constexpr unsigned most_threads = 64;
constexpr unsigned most_rounds = 1000;

template <std::size_t N>
std::string joined(const std::array<std::string_view, N>& names) {
  std::string all;
  for (const auto name : names) {
    if (!all.empty()) all += ", ";
    all += name;
  }
  return all;
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

unsigned number(std::string_view option, std::string_view value, unsigned most) {
  unsigned n = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
  if (error != std::errc{} || end != value.data() + value.size() || n < 1 || n > most) {
    throw usage_error(std::string(option) + " is " + quoted(value) +
                      ", must be a number from 1 to " + std::to_string(most));
  }
  return n;
}

template <std::size_t N>
std::size_t one_of(std::string_view option, std::string_view value,
                   const std::array<std::string_view, N>& names) {
  const auto found = std::find(names.begin(), names.end(), value);
  if (found == names.end()) {
    throw usage_error(std::string(option) + " is " + quoted(value) + ", must be one of " +
                      joined(names));
  }
  return static_cast<std::size_t>(found - names.begin());
}

std::string directory(std::string_view option, std::string_view value) {
  std::error_code error;
  if (!std::filesystem::is_directory(value, error)) {
    throw usage_error(std::string(option) + " is " + quoted(value) + ", must be a directory" +
                      (error ? ": " + error.message() : ""));
  }
  return std::string(value);
}

}  // namespace

options parse(std::span<char* const> arguments) {
  options o;
  bool has_path = false;
  for (std::size_t i = 0; i != arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const auto equals = argument.starts_with("--") ? argument.find('=') : std::string_view::npos;
    const auto name = argument.substr(0, equals);
    std::optional<std::string_view> attached;
    if (equals != std::string_view::npos) attached = argument.substr(equals + 1);

    const auto value = [&]() -> std::string_view {
      if (attached) return *attached;
      if (++i == arguments.size()) throw usage_error(std::string(name) + " needs a value");
      return arguments[i];
    };
    const auto flag = [&] {
      if (attached) {
        throw usage_error(std::string(name) + " takes no value, but got " + quoted(*attached));
      }
      return true;
    };

    if (name == "--threads") {
      o.threads = number(name, value(), most_threads);
    } else if (name == "--rounds") {
      o.rounds = number(name, value(), most_rounds);
    } else if (name == "--lock") {
      o.lock = one_of(name, value(), lock_names);
    } else if (name == "--stats") {
      o.stats = one_of(name, value(), stats_names);
    } else if (name == "--path") {
      o.path = directory(name, value());
      has_path = true;
    } else if (name == "--json") {
      o.json = flag();
    } else if (name == "--plant-lost-block") {
      o.plant_lost_block = flag();
    } else if (name == "--help" || name == "-h") {
      o.help = flag();
    } else {
      throw usage_error("unknown option " + quoted(argument) +
                        ", must be one of --path, --threads, --lock, --stats, --rounds, --json, "
                        "--plant-lost-block, --help");
    }
  }
  if (!o.help && !has_path) o.path = directory("--path", o.path);
  if (o.threads == 0) o.threads = std::clamp(std::thread::hardware_concurrency(), 1u, most_threads);
  return o;
}

std::string usage() {
  const options defaults;
  return "usage: pipeline [options]\n"
         "\n"
         "Reads every file below a directory, cuts it into records and sends each record as a\n"
         "message with a shared payload from a producer through workers to two sinks: one counts,\n"
         "one encodes batches and reads them back. Does so with tarn's pools and with plain new,\n"
         "in turns, compares what came out, and reports speed, memory and every tier.\n"
         "\n"
         "  --path DIR           what to read (" +
         defaults.path +
         ")\n"
         "  --threads N          workers, 1 to " +
         std::to_string(most_threads) +
         " (one per processor)\n"
         "  --lock NAME          " +
         joined(lock_names) + " (" + std::string(lock_names[defaults.lock]) +
         ")\n"
         "  --stats NAME         " +
         joined(stats_names) + " (" + std::string(stats_names[defaults.stats]) +
         ")\n"
         "  --rounds N           pooled and plain in turns so often, 1 to " +
         std::to_string(most_rounds) + " (" + std::to_string(defaults.rounds) +
         ")\n"
         "  --json               the report as one JSON object\n"
         "  --plant-lost-block   self-test: the sink forgets one message, which must be found\n"
         "  --help               this text\n"
         "\n"
         "The report goes to the standard output, progress to the standard error stream.\n"
         "Exit code: 0; 1 if outputs differ, a block is lost or the run fails; 2 for a wrong "
         "option."
         "\n";
}

}  // namespace pipeline
