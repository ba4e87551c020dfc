// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>
#include <thread>

namespace pipeline {
namespace {

constexpr unsigned most_threads = 64;
constexpr unsigned most_rounds = 1000;

}  // namespace

options parse(std::span<char* const> command_line) {
  options o;
  bool has_path = false;
  for (arguments each(command_line); each.next();) {
    const auto name = each.name();
    if (name == "--threads") {
      o.threads = each.number(1, most_threads);
    } else if (name == "--rounds") {
      o.rounds = each.number(1, most_rounds);
    } else if (name == "--lock") {
      o.lock = each.one_of(lock_names);
    } else if (name == "--stats") {
      o.stats = each.one_of(stats_names);
    } else if (name == "--path") {
      o.path = each.directory();
      has_path = true;
    } else if (name == "--json") {
      o.json = each.flag();
    } else if (name == "--plant-lost-block") {
      o.plant_lost_block = each.flag();
    } else if (name == "--help" || name == "-h") {
      o.help = each.flag();
    } else {
      each.unknown(
          "--path, --threads, --lock, --stats, --rounds, --json, --plant-lost-block, --help");
    }
  }
  if (!o.help && !has_path) o.path = existing_directory("--path", o.path);
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
