// SPDX-License-Identifier: MIT
//
// The library at work: real files, cut into records. Each record is a message that goes from thread
// to thread, once with a pool and once with plain new. See --help.

#include <cstdio>
#include <exception>
#include <span>
#include <string>

#include "input.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "trial.hpp"

namespace {

int run(const pipeline::options& o) {
  pipeline::progress show;
  show.show(0, "looking for files in " + o.path);
  pipeline::input in(o.path);
  const auto made = pipeline::compare(in, o, show);
  show.clear();
  pipeline::name_skipped(in.skipped);
  if (made.records == 0) {
    std::fprintf(stderr, "pipeline: nothing to read in '%s'\n", o.path.c_str());
    return 1;
  }
  const auto report = o.json ? pipeline::as_json(o, in, made) : pipeline::as_text(o, in, made);
  std::fputs(report.c_str(), stdout);
  for (const auto& problem : made.problems) {
    std::fprintf(stderr, "pipeline: FAILED: %s\n", problem.c_str());
  }
  if (std::fflush(stdout) != 0) {
    std::perror("pipeline: the report was not written");
    return 1;
  }
  return made.problems.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto o = pipeline::parse(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    if (!o.help) return run(o);
    std::fputs(pipeline::usage().c_str(), stdout);
    return 0;
  } catch (const pipeline::usage_error& wrong) {
    std::fprintf(stderr, "pipeline: %s\nTry 'pipeline --help'.\n", wrong.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pipeline: %s\n", error.what());
    return 1;
  }
}
