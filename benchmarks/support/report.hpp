// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "support/ratio.hpp"

namespace bench {

/// The side of a bound that is good.
enum class good { below, above };

/// One line of a report: a figure, and its target.
struct figure {
  std::string row;  // in the table of figures that the design demands
  std::string what;
  good side = good::below;
  std::optional<double> must;
  std::optional<double> aim;
  summary measured;
  std::string note = {};  // for example the allocator that was the best

  [[nodiscard]] bool meets(double bound) const noexcept {
    return side == good::below ? measured.median <= bound : measured.median >= bound;
  }
  [[nodiscard]] std::string verdict() const {
    if (measured.is_noisy()) return "too noisy";
    if (must && !meets(*must)) return "FAILS";
    if (aim && meets(*aim)) return "aim";
    return must ? "must" : "-";
  }
};

/// Collects figures, prints them as a table and writes them as JSON.
class report {
 public:
  void add(figure f) { figures_.push_back(std::move(f)); }

  void print(const char* title) const {
    std::printf("\n%s\n\n", title);
    std::printf("%-4s %-62s %8s %8s %9s %15s  %s\n", "row", "work", "must", "aim", "median",
                "p10 .. p90", "verdict");
    for (const auto& f : figures_) {
      std::printf("%-4s %-62s %8s %8s %8.2fx %6.2f ..%7.2f  %s\n", f.row.c_str(),
                  (f.what + (f.note.empty() ? "" : " (" + f.note + ")")).c_str(),
                  bound(f, f.must).c_str(), bound(f, f.aim).c_str(), f.measured.median,
                  f.measured.p10, f.measured.p90, f.verdict().c_str());
    }
  }

  /// Returns: false if the file can't be written.
  [[nodiscard]] bool write_json(const std::string& path, const std::string& compiler) const {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) return false;
    std::fprintf(file, "{\n  \"compiler\": \"%s\",\n  \"figures\": [", compiler.c_str());
    const char* separator = "\n";
    for (const auto& f : figures_) {
      std::fprintf(file,
                   "%s    {\"row\": \"%s\", \"work\": \"%s\", \"note\": \"%s\", \"good\": \"%s\", "
                   "\"must\": %s, \"aim\": %s, \"median\": %.4f, \"p10\": %.4f, \"p90\": %.4f, "
                   "\"verdict\": \"%s\"}",
                   separator, f.row.c_str(), f.what.c_str(), f.note.c_str(),
                   f.side == good::below ? "below" : "above", number(f.must).c_str(),
                   number(f.aim).c_str(), f.measured.median, f.measured.p10, f.measured.p90,
                   f.verdict().c_str());
      separator = ",\n";
    }
    std::fprintf(file, "\n  ]\n}\n");
    return std::fclose(file) == 0;
  }

 private:
  [[nodiscard]] static std::string number(const std::optional<double>& value) {
    return value ? std::to_string(*value) : "null";
  }
  [[nodiscard]] static std::string bound(const figure& f, const std::optional<double>& value) {
    if (!value) return "";
    char text[32];
    std::snprintf(text, sizeof text, "%s %.4g", f.side == good::below ? "<=" : ">=", *value);
    return text;
  }

  std::vector<figure> figures_;
};

}  // namespace bench
