// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text.hpp"

namespace pipeline {
namespace {

double percent(double part, double of) { return of == 0 ? 0 : 100 * part / of; }

/// 1234567 -> "1,234,567"
std::string grouped(std::uint64_t n) {
  auto digits = std::to_string(n);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string bytes(std::uint64_t n) {
  if (n < 1024) return std::to_string(n) + " B";
  static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(n) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024; value /= 1024)
    ++unit;
  // The sizes of tiers are whole numbers.
  return text(
      value == static_cast<double>(static_cast<std::uint64_t>(value)) ? "%.0f %s" : "%.1f %s",
      value, units[unit]);
}

/// Not rounded up: 100 % means all.
std::string hit_percent(std::uint64_t hits, std::uint64_t gets) {
  if (gets == 0) return "-";
  const auto hundredths =
      static_cast<std::uint64_t>(static_cast<double>(hits) / static_cast<double>(gets) * 10000.0);
  return text("%.2f", static_cast<double>(hundredths) / 100);
}

std::string bar(double value, double most) {
  constexpr double width = 36;
  return std::string(static_cast<std::size_t>(std::lround(value / most * width)), '#');
}

std::string shortened(const std::string& name, std::size_t most) {
  return name.size() <= most ? name : "..." + name.substr(name.size() - (most - 3));
}

std::string header(const options& o, const input& in, const trial_result& made) {
  auto s = text("tarn pipeline: %s + %s, producer -> %u worker%s -> two sinks\n\n",
                std::string(lock_names[o.lock]).c_str(), std::string(stats_names[o.stats]).c_str(),
                o.threads, o.threads == 1 ? "" : "s");
  s += text("  %-13s %s\n", "read", o.path.c_str());
  s += text("  %-13s %s files, %s lines, %s\n", "", grouped(in.read).c_str(),
            grouped(made.total.lines).c_str(), bytes(made.total.bytes).c_str());
  if (!in.skipped.empty()) s += text("  %-13s %zu, not readable\n", "skipped", in.skipped.size());
  s += text("  %-13s blocks of at most %s, paragraphs, lines: %s records\n", "cut into",
            bytes(longest_of_cut[0]).c_str(), grouped(made.total.records).c_str());
  s += text("  %-13s %s records a round, each a message with a payload of its own\n", "moved",
            grouped(made.records).c_str());
  return s;
}

std::string speed(const trial_result& made, const figures& f) {
  const auto records = static_cast<double>(made.records) / 1e6;
  const auto moved = static_cast<double>(made.moved) / 1e6;
  const auto cpu = [&](double seconds) {
    return seconds * 1e9 / static_cast<double>(made.records);
  };
  std::string s =
      "\n  round          pooled        plain new        pooled is       processor time a record\n";
  for (std::size_t r = 0; r != made.rounds.size(); ++r) {
    const auto& t = made.rounds[r];
    s += text("  %5zu  %6.2f M rec/s   %6.2f M rec/s   %6.2f x as fast   %5.0f ns, %5.0f ns\n",
              r + 1, records / t.pooled_seconds, records / t.plain_seconds, t.ratio(),
              cpu(t.pooled_cpu_seconds), cpu(t.plain_cpu_seconds));
  }
  const auto most = std::max(1 / f.pooled_seconds, 1 / f.plain_seconds);
  const auto line = [&](const char* name, double seconds) {
    return text("  %-9s %-36s %6.2f M rec/s %6.0f MB/s\n", name, bar(1 / seconds, most).c_str(),
                records / seconds, moved / seconds);
  };
  s += '\n';
  s += line("pooled", f.pooled_seconds);
  s += line("plain new", f.plain_seconds);
  return s;
}

std::string table(const trial_result& made, const figures& f) {
  auto s = text("\n  %7s %11s %11s %6s %9s %7s %9s %6s %6s\n", "tier", "gets", "hits", "hit %",
                "created", "idle", "given up", "in use", "waste");
  const auto counts = made.pool.counts;
  const auto dash = [&](const std::string& number) { return counts ? number : std::string("-"); };
  const auto row = [&](const std::string& name, const tarn::tier_snapshot& t, std::uint64_t gets,
                       double waste) {
    return text("  %7s %11s %11s %6s %9s %7s %9s %6s %4.0f %%\n", name.c_str(),
                grouped(gets).c_str(), dash(grouped(t.hits())).c_str(),
                dash(hit_percent(t.hits(), t.gets)).c_str(), grouped(t.created).c_str(),
                grouped(t.idle).c_str(), grouped(t.retired).c_str(), grouped(t.in_use).c_str(),
                waste);
  };
  std::uint64_t gets = 0;
  for (std::size_t i = 0; i != made.demands.size(); ++i) {
    const auto& d = made.demands[i];
    const auto& t = made.pool.pool.tiers[i];
    if (d.gets == 0 && t.created == 0) continue;
    const auto given = static_cast<double>(d.gets) * static_cast<double>(t.size_bytes);
    s += row(bytes(t.size_bytes), t, d.gets, percent(given - static_cast<double>(d.bytes), given));
    gets += d.gets;
  }
  s += row("all", made.pool.pool.total(), gets, f.waste_percent);
  s += "  given up: went back to the heap, or became part of another tier\n";
  return s + "  waste: the part of the blocks handed out that no request asked for\n";
}

std::string memory(const memory_use& m) {
  auto s = text("\n  %-13s %s at most, %s retained, %s given back when trimmed\n", "pool memory",
                bytes(m.peak_bytes).c_str(), bytes(m.retained_bytes).c_str(),
                bytes(m.trimmed_bytes).c_str());
  if (m.rss_bytes && m.peak_rss_bytes) {
    s += text("  %-13s %s at most, %s now: both sides, and %s of text at a time\n", "process",
              bytes(*m.peak_rss_bytes).c_str(), bytes(*m.rss_bytes).c_str(),
              bytes(input::slice_bytes).c_str());
  }
  return s;
}

std::string largest_files(const input& in, const trial_result& made) {
  std::vector<std::size_t> order(made.files.size());
  for (std::size_t i = 0; i != order.size(); ++i)
    order[i] = i;
  const auto shown = std::min<std::size_t>(order.size(), 5);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](auto a, auto b) { return made.files[a].bytes > made.files[b].bytes; });
  order.resize(shown);
  std::string s =
      "\n  largest files                      bytes   records     lines  longest          "
      "checksum\n";
  for (const auto i : order) {
    const auto& f = made.files[i];
    s += text("  %-26s %11s %8s %8s %8s %016llx\n", shortened(in.files[i], 26).c_str(),
              grouped(f.bytes).c_str(), grouped(f.records).c_str(), grouped(f.lines).c_str(),
              grouped(f.longest_record).c_str(), static_cast<unsigned long long>(f.checksum));
  }
  return s;
}

std::string verdict(const trial_result& made, const figures& f) {
  const auto outputs_differ = std::any_of(made.problems.begin(), made.problems.end(), [](auto& p) {
    return p.find("differs") != std::string::npos;
  });
  auto s = text(
      "\n  %-13s %s\n", "outputs",
      outputs_differ ? "DIFFER" : "identical: pooled, plain new, and computed without any handle");
  s += text("  %-13s %016llx\n", "checksum", static_cast<unsigned long long>(made.total.checksum));
  s += text("  %-13s %.1f %% of %s blocks went back on another thread than took them\n", "threads",
            f.another_percent, grouped(made.pooled_records).c_str());
  s += text("  %-13s %s, read back and compared, on either side\n", "encoded",
            bytes(made.encoded_bytes).c_str());
  s += text("  %-13s pooled %.4f per record (%s in the last round), plain new %.2f\n", "heap calls",
            f.heap_calls, grouped(made.heap_calls).c_str(), f.plain_heap_calls);
  if (made.pool.counts) {
    const auto all = made.pool.pool.total();
    s += text("  %-13s %s %%\n", "hit rate", hit_percent(all.hits(), all.gets).c_str());
  }
  const auto counted = [](std::uint64_t n, const char* what) {
    return grouped(n) + ' ' + what + (n == 1 ? "" : "s");
  };
  s += text("  %-13s %s, %s%s\n", "unaccounted", counted(made.unaccounted, "block").c_str(),
            counted(made.lost_messages, "message").c_str(),
            made.unaccounted + made.lost_messages == 0 ? "" : ": LOST");

  const auto range = text("(median of %zu round%s, %.2f to %.2f)", made.rounds.size(),
                          made.rounds.size() == 1 ? "" : "s", f.least_ratio, f.most_ratio);
  s += '\n';
  switch (f.speed) {
    case judgement::faster:
      s += text("The pool is %.2f times as fast as plain new %s.\n", f.median_ratio, range.c_str());
      break;
    case judgement::same:
      s += text("The pool is no faster than plain new: %.2f times %s.\n", f.median_ratio,
                range.c_str());
      break;
    case judgement::slower:
      s += text("The pool is SLOWER than plain new: only %.2f times as fast %s.\n", f.median_ratio,
                range.c_str());
      break;
    case judgement::noisy: {
      const auto said = count_opinions(f.ratios);
      s += text(
          "The pool is faster in %zu of %zu rounds and slower in %zu %s: too noisy to say.\n"
          "Something else keeps this machine busy.\n",
          said.faster, f.ratios.size(), said.slower, range.c_str());
      break;
    }
  }
  s += text(
      "It takes %.0f ns of processor time per record, plain new %.0f ns: %.2f times as much.\n",
      f.pooled_cpu_ns, f.plain_cpu_ns, f.pooled_cpu_ns / f.plain_cpu_ns);
  return s;
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

figures::figures(const trial_result& made) {
  std::vector<double> pooled;
  std::vector<double> plain;
  std::vector<double> pooled_cpu;
  std::vector<double> plain_cpu;
  for (const auto& r : made.rounds) {
    pooled.push_back(r.pooled_seconds);
    plain.push_back(r.plain_seconds);
    pooled_cpu.push_back(r.pooled_cpu_seconds);
    plain_cpu.push_back(r.plain_cpu_seconds);
    ratios.push_back(r.ratio());
  }
  const auto each = 1e9 / static_cast<double>(made.records);
  pooled_cpu_ns = median_of(pooled_cpu) * each;
  plain_cpu_ns = median_of(plain_cpu) * each;
  pooled_seconds = median_of(pooled);
  plain_seconds = median_of(plain);
  median_ratio = median_of(ratios);
  speed = judge(ratios, median_ratio);
  least_ratio = *std::min_element(ratios.begin(), ratios.end());
  most_ratio = *std::max_element(ratios.begin(), ratios.end());

  const auto all = made.pool.pool.total();
  hit_percent = percent(static_cast<double>(all.hits()), static_cast<double>(all.gets));
  another_percent = percent(static_cast<double>(made.on_another_thread),
                            static_cast<double>(made.pooled_records));
  heap_calls = static_cast<double>(made.heap_calls) / static_cast<double>(made.records);
  plain_heap_calls = static_cast<double>(made.plain_heap_calls) / static_cast<double>(made.records);
  double asked = 0;
  double given = 0;
  for (std::size_t i = 0; i != made.demands.size(); ++i) {
    asked += static_cast<double>(made.demands[i].bytes);
    given += static_cast<double>(made.demands[i].gets) * static_cast<double>(tiers::size_of(i));
  }
  waste_percent = percent(given - asked, given);
}

std::string as_text(const options& o, const input& in, const trial_result& made) {
  const figures f(made);
  return header(o, in, made) + speed(made, f) + table(made, f) + memory(made.memory) +
         largest_files(in, made) + verdict(made, f);
}

void name_skipped(const std::vector<skipped_file>& skipped) {
  constexpr std::size_t named = 10;
  for (std::size_t i = 0; i != std::min(skipped.size(), named); ++i) {
    std::fprintf(stderr, "pipeline: skipped %s: %s\n", skipped[i].name.c_str(),
                 skipped[i].reason.c_str());
  }
  if (skipped.size() > named) {
    std::fprintf(stderr, "pipeline: skipped %zu more\n", skipped.size() - named);
  }
}

}  // namespace pipeline
