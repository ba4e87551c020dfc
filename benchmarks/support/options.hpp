// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {

/// The options of all figure programs.
struct options {
  bool smoke = false;   // measure very little: a test that the program works
  bool quick = false;   // measure once and briefly, for a first look
  std::string json;     // also write the results to this file
  std::string chart;    // also draw them into this file, where a program draws
  std::string measure;  // only for the program itself: the figure that a child process measures

  static options parse(int argc, char** argv) {
    options o;
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      if (word == "--smoke") {
        o.smoke = true;
      } else if (word == "--quick") {
        o.quick = true;
      } else if (word == "--json" && i + 1 < argc) {
        o.json = argv[++i];
      } else if (word == "--chart" && i + 1 < argc) {
        o.chart = argv[++i];
      } else if (word == "--measure" && i + 1 < argc) {
        o.measure = argv[++i];
      } else {
        const bool asked = word == "--help" || word == "-h";
        std::fprintf(
            asked ? stdout : stderr,
            "%s%s%susage: %s [--smoke|--quick] [--json FILE] [--chart FILE]\n"
            "  --smoke      hardly measure at all: a test that the program works\n"
            "  --quick      measure each row once, and briefly\n"
            "  --json FILE  write the results to FILE as well (figures, buffers, loads)\n"
            "  --chart FILE draw the results into FILE, an SVG (bench_loads; needs gnuplot)\n",
            asked ? "" : "unknown or incomplete option: ", asked ? "" : argv[i], asked ? "" : "\n",
            argv[0]);
        std::exit(asked ? 0 : 2);
      }
    }
    return o;
  }
};

/// Writes the results to the file that was asked for, if one was: `write(path)` tells whether it
/// could. Returns: the exit code of the program.
template <class Write>
[[nodiscard]] int write_results(const options& o, Write&& write) {
  if (o.json.empty() || write(o.json)) return 0;
  std::fprintf(stderr, "can't write %s\n", o.json.c_str());
  return 1;
}

}  // namespace bench
