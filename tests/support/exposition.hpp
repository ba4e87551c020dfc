// SPDX-License-Identifier: MIT
//
// Reads metrics as strictly as their formats are specified. It also finds faults that promtool and
// the server accept: label sets that occur twice and families that are cut in two.
//
//   CHECK(test::fault_of(text, test::openmetrics) == "");

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace test {

enum class exposition_format { prometheus, openmetrics };
inline constexpr auto prometheus = exposition_format::prometheus;
inline constexpr auto openmetrics = exposition_format::openmetrics;

struct sample {
  std::string name;
  std::map<std::string, std::string> labels;
  std::string value;
};

/// Reads one sample. Returns: its fault, if any.
inline std::string read_sample(std::string_view line, sample& into) {
  const auto end_of_name = line.find_first_of("{ ");
  if (end_of_name == line.npos || end_of_name == 0) return "no name";
  into.name = line.substr(0, end_of_name);
  line.remove_prefix(end_of_name);
  if (line[0] == '{') {
    do {
      line.remove_prefix(1);
      const auto equals = line.find("=\"");
      if (equals == line.npos) return "a label without a value";
      const std::string label(line.substr(0, equals));
      line.remove_prefix(equals + 2);
      std::string value;
      for (;;) {
        if (line.empty()) return "a label value without an end";
        const char c = line[0];
        line.remove_prefix(1);
        if (c == '"') break;
        if (c != '\\') {
          value += c;
          continue;
        }
        if (line.empty()) return "a backslash at the end";
        const char escaped = line[0];
        line.remove_prefix(1);
        if (escaped != '\\' && escaped != '"' && escaped != 'n') return "an unknown escape";
        value += escaped == 'n' ? '\n' : escaped;
      }
      if (!into.labels.emplace(label, value).second) return "label " + label + " twice";
    } while (!line.empty() && line[0] == ',');
    if (line.empty() || line[0] != '}') return "labels without an end";
    line.remove_prefix(1);
  }
  if (line.empty() || line[0] != ' ') return "no value";
  into.value = line.substr(1);
  char* end = nullptr;
  std::strtod(into.value.c_str(), &end);
  if (into.value.empty() || *end != '\0') return "value " + into.value + " is no number";
  return {};
}

/// All samples in their order. Preconditions: the lines are valid.
inline std::vector<sample> samples_of(std::string_view text) {
  std::vector<sample> all;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#') continue;
    if (!read_sample(line, all.emplace_back()).empty()) all.pop_back();
  }
  return all;
}

/// The first fault of an exposition; empty if there is no fault.
inline std::string fault_of(std::string_view text, exposition_format format) {
  const bool open = format == openmetrics;
  if (!text.empty() && text.back() != '\n') return "the last line has no end";
  if (open) {
    if (!text.ends_with("# EOF\n")) return "no # EOF";
    text.remove_suffix(6);
  }
  std::set<std::string> families;
  std::set<std::string> seen;  // samples
  std::string family;
  std::string type;
  bool has_help = false;
  bool has_samples = false;
  std::map<std::string, std::vector<std::pair<double, double>>> buckets;  // by all other labels
  std::map<std::string, double> counts;

  const auto end_family = [&]() -> std::string {
    if (family.empty()) return {};
    if (!has_help || type.empty()) return family + " lacks HELP or TYPE";
    if (!has_samples) return family + " has no sample";
    if (type == "histogram" && buckets.size() != counts.size()) return family + " lacks a count";
    for (const auto& [labels, list] : buckets) {
      for (std::size_t i = 1; i < list.size(); ++i) {
        if (list[i].first <= list[i - 1].first) return family + " has buckets out of order";
        if (list[i].second < list[i - 1].second) return family + " is not cumulative";
      }
      if (!std::isinf(list.back().first)) return family + " has no bucket +Inf";
      if (list.back().second != counts[labels]) return family + " counts other than its +Inf";
    }
    buckets.clear();
    counts.clear();
    return {};
  };
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string line(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (line.empty()) return "an empty line";
    if (line[0] == '#') {
      const auto space = line.find(' ', 7);
      const auto word = line.substr(0, 7);
      const auto name = space == line.npos ? std::string() : line.substr(7, space - 7);
      if (name.empty() || (word != "# HELP " && word != "# TYPE " && word != "# UNIT ")) {
        return "a strange comment: " + line;
      }
      if (name != family) {
        if (auto fault = end_family(); !fault.empty()) return fault;
        if (!families.insert(name).second) return name + " is cut in two";
        family = name;
        type.clear();
        has_help = has_samples = false;
      }
      if (has_samples) return line + " behind its samples";
      if (word == "# HELP ") {
        if (has_help) return name + " has two HELPs";
        has_help = true;
      } else if (word == "# TYPE ") {
        if (!type.empty()) return name + " has two TYPEs";
        type = line.substr(space + 1);
        if (type == "counter" && name.ends_with("_total") == open) {
          return name + " has a wrong name for a counter";
        }
      } else if (!open) {
        return "UNIT in text 0.0.4";
      } else if (!name.ends_with("_" + line.substr(space + 1))) {
        return name + " does not end in its unit";
      }
      continue;
    }
    sample s;
    if (auto fault = read_sample(line, s); !fault.empty()) return line + ": " + fault;
    has_samples = true;
    const auto suffix = s.name.starts_with(family) ? s.name.substr(family.size()) : "no";
    bool good = suffix.empty() && (type == "gauge" || (type == "counter" && !open));
    good |= open && type == "counter" && (suffix == "_total" || suffix == "_created");
    good |= type == "histogram" && (suffix == "_bucket" || suffix == "_sum" || suffix == "_count" ||
                                    (open && suffix == "_created"));
    if (!good) return line + " is none of " + family;
    std::string identity = s.name;
    std::string others;
    for (const auto& [label, value] : s.labels) {
      identity += '\n' + label + '\n' + value;
      if (label != "le") others += '\n' + label + '\n' + value;
    }
    if (!seen.insert(identity).second) return line + " occurs twice";
    const auto value = std::strtod(s.value.c_str(), nullptr);
    if (suffix == "_bucket") {
      buckets[others].emplace_back(std::strtod(s.labels["le"].c_str(), nullptr), value);
    }
    if (suffix == "_count") counts[others] = value;
  }
  return end_family();
}

}  // namespace test
