// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <stdio.h>
#include <unistd.h>

#include "support/children.hpp"
#include "support/ratio.hpp"

namespace bench {

/// A line on the terminal that tells what is measured, and how long it will still take.
class progress {
 public:
  explicit progress(std::size_t steps) noexcept : steps_(steps) {}

  /// The next of the steps begins. Nothing is printed if the output is no terminal.
  void step(const char* name) {
    if (is_shown_) {
      const std::chrono::duration<double> spent = clock_type::now() - begin_;
      const auto left = static_cast<double>(steps_ - done_);
      std::fprintf(stderr, "\r[%zu of %zu] %-20s", done_ + 1, steps_, name);
      if (done_ != 0) {
        std::fprintf(stderr, " %4.0f s left ", spent.count() / static_cast<double>(done_) * left);
      }
    }
    ++done_;
  }
  void end() const {
    if (is_shown_) std::fprintf(stderr, "\r%60s\r", "");
  }

 private:
  using clock_type = std::chrono::steady_clock;

  std::size_t steps_;
  std::size_t done_ = 0;
  bool is_shown_ = isatty(2) != 0;
  clock_type::time_point begin_ = clock_type::now();
};

/// What each subject reached under each load: how many gets a second, how much memory, and how long
/// the slowest gets took.
class load_report {
 public:
  explicit load_report(std::string compiler) : compiler_(std::move(compiler)) {}

  void add_subject(std::string name, std::string what, bool is_ours) {
    subjects_.push_back({std::move(name), std::move(what), is_ours});
  }
  /// `measured`: for each subject, the values of all rounds by their key.
  void add_load(const char* name, const char* what, std::size_t threads,
                const std::map<std::string, measurements>& measured) {
    row made{name, what, threads, {}};
    for (const auto& s : subjects_)
      made.measured.push_back(measured.at(s.name));
    rows_.push_back(std::move(made));
  }

  /// Prints a Markdown table for each number that was measured.
  void print(const char* title) const {
    std::printf("\n## %s\n\n%s, %ld processors\n", title, compiler_.c_str(),
                sysconf(_SC_NPROCESSORS_ONLN));
    for (const auto& s : subjects_)
      std::printf("- %s: %s\n", s.name.c_str(), s.what.c_str());
    for (const auto& k : kinds)
      print(k);
  }

  /// Returns: false if the file can't be written.
  [[nodiscard]] bool write_json(const std::string& path) const {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) return false;
    std::fprintf(file, "{\n  \"compiler\": \"%s\",\n  \"loads\": [", compiler_.c_str());
    const char* separator = "\n";
    for (const auto& r : rows_) {
      for (std::size_t i = 0; i != subjects_.size(); ++i) {
        std::fprintf(file,
                     "%s    {\"load\": \"%s\", \"what\": \"%s\", \"threads\": %zu, \"subject\": "
                     "\"%s\"",
                     separator, r.name.c_str(), r.what.c_str(), r.threads,
                     subjects_[i].name.c_str());
        for (const auto& k : kinds) {
          const auto s = summarise(r.measured[i].at(k.key));
          std::fprintf(file, ", \"%s\": {\"median\": %.3f, \"p10\": %.3f, \"p90\": %.3f}", k.key,
                       s.median, s.p10, s.p90);
        }
        std::fputc('}', file);
        separator = ",\n";
      }
    }
    std::fprintf(file, "\n  ]\n}\n");
    return std::fclose(file) == 0;
  }

  /// Draws the speeds, relative to the fastest allocator under each load, as an SVG, by gnuplot.
  /// Returns: false if gnuplot is not there or fails.
  [[nodiscard]] bool draw(const std::string& path) const {
    std::FILE* const plot = popen("gnuplot 2>/dev/null", "w");
    if (plot == nullptr) return false;
    std::fprintf(plot, "$speeds << END\nload");
    for (const auto& s : subjects_)
      std::fprintf(plot, " \"%s\"", s.name.c_str());
    for (const auto& r : rows_) {
      const auto best = best_of_peers(r, kinds[0]);
      std::fprintf(plot, "\n\"%s\"", r.name.c_str());
      for (std::size_t i = 0; i != subjects_.size(); ++i)
        std::fprintf(plot, " %.3f", best.first > 0 ? median(r, i, kinds[0]) / best.first : 0);
    }
    std::fprintf(plot,
                 "\nEND\n"
                 "set terminal svg size 760,460 dynamic font 'sans-serif,13' background 'white'\n"
                 "set output '%s'\n"
                 "set title 'Gets per second, to the fastest allocator under each load'\n"
                 "set key outside top center horizontal maxrows 2\n"
                 "set style data histograms\nset style histogram clustered gap 1.5\n"
                 "set boxwidth 0.9\n"
                 "set ylabel 'times the fastest allocator'\nset yrange [0:*]\n"
                 "set grid ytics\nset xtics rotate by -35 left noenhanced\n"
                 "set arrow from graph 0, first 1 to graph 1, first 1 nohead dashtype 2\n"
                 "plot ",
                 path.c_str());
    // Ours are filled, the darkest first, the others have patterns: the chart is also read in black
    // and white.
    constexpr const char* filled[] = {"#08306b", "#4292c6", "#c6dbef"};
    constexpr int patterns[] = {0, 4, 2, 1};
    std::size_t ours = 0;
    std::size_t theirs = 0;
    for (std::size_t i = 0; i != subjects_.size(); ++i) {
      std::fprintf(plot, "%s $speeds using %zu:xtic(1) title columnheader(%zu) noenhanced ",
                   i == 0 ? "" : ",", i + 2, i + 2);
      if (subjects_[i].is_ours) {
        std::fprintf(plot, "fs solid 1 border -1 lc rgb '%s'", filled[ours++ % std::size(filled)]);
      } else {
        std::fprintf(plot, "fs pattern %d border -1 lc rgb '#333333'",
                     patterns[theirs++ % std::size(patterns)]);
      }
    }
    std::fputc('\n', plot);
    return pclose(plot) == 0;
  }

 private:
  struct subject {
    std::string name;
    std::string what;
    bool is_ours;
  };
  struct row {
    std::string name;
    std::string what;
    std::size_t threads;
    std::vector<measurements> measured;  // for each subject
  };
  struct kind {
    const char* key;
    const char* what;
    bool more_is_better;
  };
  static constexpr kind kinds[] = {
      {"speed", "Million gets per second", true},
      {"peak", "Peak resident memory, MiB", false},
      {"mean", "Mean resident memory, MiB", false},
      {"p999", "99.9 % of the gets took less than, in ns", false},
  };

  [[nodiscard]] static double median(const row& r, std::size_t subject, const kind& k) {
    return summarise(r.measured[subject].at(k.key)).median;
  }
  /// The best value of the allocators, and whose it is.
  [[nodiscard]] std::pair<double, std::string> best_of_peers(const row& r, const kind& k) const {
    std::pair<double, std::string> best{0, "-"};
    for (std::size_t i = 0; i != subjects_.size(); ++i) {
      if (subjects_[i].is_ours) continue;
      const auto value = median(r, i, k);
      const bool is_better = k.more_is_better ? value > best.first : value < best.first;
      if (best.second == "-" || is_better) best = {value, subjects_[i].name};
    }
    return best;
  }

  void print(const kind& k) const {
    std::printf("\n### %s\n\n| load | threads |", k.what);
    for (const auto& s : subjects_)
      std::printf(" %s |", s.name.c_str());
    std::printf(" tarn to the best |\n|---|---|");
    for (std::size_t i = 0; i != subjects_.size(); ++i)
      std::printf("---|");
    std::printf("---|\n");
    for (const auto& r : rows_) {
      std::printf("| %s: %s | %zu |", r.name.c_str(), r.what.c_str(), r.threads);
      for (std::size_t i = 0; i != subjects_.size(); ++i) {
        const auto s = summarise(r.measured[i].at(k.key));
        // More than a third between the tenth and the ninetieth of a hundred: too noisy to judge.
        std::printf(" %.*f%s |", s.median < 10 ? 1 : 0, s.median, s.is_noisy() ? " ~" : "");
      }
      const auto [best, name] = best_of_peers(r, k);
      const auto ours = median(r, 0, k);
      const bool is_behind = k.more_is_better ? ours < best : ours > best;
      std::printf(best > 0 ? " %s%.2f%s of %s |\n" : " - |\n", is_behind ? "**" : "", ours / best,
                  is_behind ? "**" : "", name.c_str());
    }
    std::printf("\n\"~\": the tries differ by more than 1.3 times. Bold: tarn is behind.\n");
  }

  std::string compiler_;
  std::vector<subject> subjects_;
  std::vector<row> rows_;
};

}  // namespace bench
