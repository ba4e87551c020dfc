// SPDX-License-Identifier: MIT
//
// Prints a snapshot as a table.
//
//   std::cout << pool.snapshot();
//   std::cout << (after - before);
//
//   pool 'frames': 12.0 MiB held, 1000 gets, 99.7 % hits, 3 blocks (3.0 KiB) in use, waste 21.9 %
//        tier       gets  hits %     in use       most       idle  idle bytes       left
//       128 B        500    99.8          0          1        512    64.0 KiB          0
//     ...
//       total       1000    99.7          3 ...
//
// For format libraries: tarn/interop/std_format.hpp, tarn/interop/fmt.hpp.

#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <tarn/observe/text/fields.hpp>
#include <tarn/observe/text/text_writer.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

namespace detail {

/// A number with one digit after the point.
[[nodiscard]] inline std::string one_decimal(double n) {
  char digits[64];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, n, std::chars_format::fixed, 1).ptr;
  return {digits, end};
}
/// A time in the largest unit that is not above it: 64 ns, 1.0 us, 17.2 s.
[[nodiscard]] inline std::string time_text(time_span time) {
  constexpr std::string_view units[] = {" us", " ms", " s"};
  if (time.count() < 1000) return std::to_string(time.count()) + " ns";
  auto n = static_cast<double>(time.count()) / 1000;
  std::size_t unit = 0;
  for (; unit != 2 && n >= 999.95; n /= 1000)
    ++unit;
  return one_decimal(n).append(units[unit]);
}
/// `bytes` in the largest unit that is not above it: 128 B, 1.5 KiB.
[[nodiscard]] inline std::string bytes_text(std::uint64_t bytes) {
  constexpr std::string_view units[] = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto n = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; n >= 1023.95; n /= 1024)  // else it would print 1024.0
    ++unit;
  return one_decimal(n).append(units[unit]);
}
/// The exact size of a block: 128 B, 2 KiB, 1500 B.
[[nodiscard]] inline std::string size_text(std::uint64_t bytes) {
  constexpr std::string_view units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
  std::size_t unit = 0;
  for (; unit != 4 && bytes >= 1024 && bytes % 1024 == 0; bytes /= 1024)
    ++unit;
  return std::to_string(bytes).append(units[unit]);
}
[[nodiscard]] inline std::string percent_text(const tier_snapshot& t) {
  return t.gets == 0 ? "-" : one_decimal(100 * t.hit_rate());
}

template <class Out>
class table_writer {
 public:
  explicit table_writer(Out out) : to_(std::move(out)) {}
  [[nodiscard]] Out out() && { return std::move(to_).out(); }

  void put(const snapshot& s) {
    const auto total = s.total();
    put_head(s, total);
    std::size_t untouched = 0;
    for (const auto& t : s.tiers) {
      if (t.created == 0 && t.gets == 0) ++untouched;
    }
    if (untouched != s.tiers.size()) {
      row({"tier", "gets", "hits %", "in use", "most", "idle", "idle bytes", "left"});
      std::uint64_t idle_bytes = 0;
      for (const auto& t : s.tiers) {
        idle_bytes += t.idle * t.stride_bytes;
        if (t.created != 0 || t.gets != 0) row(size_text(t.size_bytes), t, t.idle * t.stride_bytes);
      }
      if (s.tiers.size() - untouched > 1) row("total", total, idle_bytes);
    }
    if (untouched != 0 && s.tiers.size() > 1) {
      to_.put(std::string_view("  "), untouched);
      to_.put(std::string_view(untouched == 1 ? " tier" : " tiers"),
              std::string_view(" not used yet\n"));
    }
    put_rest(s, total);
  }

 private:
  static constexpr std::size_t columns = 8;
  static constexpr std::size_t widths[columns] = {10, 11, 8, 11, 11, 11, 12, 11};

  void put_head(const snapshot& s, const tier_snapshot& total) {
    to_.put(std::string_view("pool '"));
    to_.put_escaped(s.name, "");
    to_.put(std::string_view("': "), bytes_text(s.slab_bytes), std::string_view(" held, "),
            total.gets, std::string_view(" gets"));
    if (total.gets != 0) {
      to_.put(std::string_view(", "), percent_text(total), std::string_view(" % hits"));
    }
    std::uint64_t bytes = 0;
    for (const auto& t : s.tiers)
      bytes += t.in_use * t.stride_bytes;
    to_.put(std::string_view(", "), total.in_use,
            std::string_view(total.in_use == 1 ? " block (" : " blocks ("), bytes_text(bytes),
            std::string_view(") in use"));
    if (s.bytes().requested != 0) {
      to_.put(std::string_view(", waste "), one_decimal(100 * s.bytes().waste()),
              std::string_view(" %"));
    }
    to_.put('\n');
  }
  /// "left": idle blocks that left without a get, for any reason. "most": the known high-water
  /// mark.
  void row(const std::string& name, const tier_snapshot& t, std::uint64_t idle_bytes) {
    const auto most = t.most_in_use != 0 ? t.most_in_use : t.peak_outstanding;
    row({name, std::to_string(t.gets), percent_text(t), std::to_string(t.in_use),
         std::to_string(most), std::to_string(t.idle), bytes_text(idle_bytes),
         std::to_string(t.discarded + t.aged + t.trimmed)});
  }
  void row(const std::string (&cells)[columns]) {
    for (std::size_t i = 0; i != columns; ++i) {
      // A cell that is too wide still has a space before it.
      auto width = cells[i].size();
      do {
        to_.put(' ');
      } while (++width < widths[i]);
      to_.put(cells[i]);
    }
    to_.put('\n');
  }
  void count(std::string_view what, std::uint64_t n) {
    if (n == 0) return;
    to_.put(separator_, n);
    to_.put(' ', what);
    separator_ = ", ";
  }
  void end_line() {
    if (separator_ == ", ") to_.put('\n');
  }
  /// The bounds of half of the times, and of 99 in 100.
  void put_times(const time_histogram& times) {
    const auto bound = [](time_span most) {
      return most.count() == INT64_MAX ? std::string("more than 17 s") : time_text(most);
    };
    to_.put(std::string_view("50 % within "), bound(times.within(0.5)),
            std::string_view(", 99 % within "), bound(times.within(0.99)), '\n');
  }
  /// Prints rare numbers, only if there are any.
  void put_rest(const snapshot& s, const tier_snapshot& total) {
    if (s.most_held_bytes != 0) {
      to_.put(std::string_view("  peak: "), bytes_text(s.most_held_bytes),
              std::string_view(" held of the source\n"));
    }
    separator_ = "  left: ";
    count("discarded", total.discarded);
    count("aged", total.aged);
    count("trimmed", total.trimmed);
    count("recarved", total.recarved);
    count("abandoned", total.abandoned);
    end_line();
    separator_ = "  oversize: ";
    count("gets", s.large.gets);
    count("puts", s.large.puts);
    count("reused", s.large.reused);
    count("discarded", s.large.discarded);
    if (s.large.in_use != 0) {
      count("in use", s.large.in_use);
      to_.put(std::string_view(" ("), bytes_text(s.large.in_use_bytes), ')');
    }
    if (s.large.kept != 0) {
      count("kept", s.large.kept);
      to_.put(std::string_view(" ("), bytes_text(s.large.kept_bytes), ')');
    }
    count("aged", s.large.aged);
    count("purged", s.large.purged);
    end_line();
    separator_ = "  shared: ";
    count("references added", s.retains);
    count("dropped", s.releases);
    count("nodes in use", s.nodes.in_use);
    end_line();
    separator_ = "  objects: ";
    count("constructed", s.constructed);
    count("reset failures", s.reset_failures);
    count("outgrown", s.outgrown);
    end_line();
    if (s.acquire_times.count() != 0) {
      to_.put(std::string_view("  served: "));
      put_times(s.acquire_times);
    }
    if (const auto waits = s.waiting_times.count(); waits != 0) {
      to_.put(std::string_view("  waited: "), waits, std::string_view(" times, "));
      put_times(s.waiting_times);
    }
    separator_ = "  refused: ";
    for (std::size_t why = 0; why != refusal_count; ++why)
      count(to_string(static_cast<refusal>(why)), s.refusals[why]);
    end_line();
    separator_ = "  misuse: ";
    for (std::size_t kind = 0; kind != s.misuses.size() && kind != misuse_count; ++kind)
      count(misuse_names[kind], s.misuses[kind]);
    end_line();
  }

  text_writer<Out> to_;
  std::string_view separator_;
};

}  // namespace detail

/// Writes a snapshot as a table of the tiers that were ever used. A line before it has the most
/// important numbers, lines after it have rare events. Ends with a new line.
///
/// Returns: the iterator behind the last character.
template <std::output_iterator<const char&> Out>
Out write_table(Out out, const snapshot& s) {
  detail::table_writer<Out> to(std::move(out));
  to.put(s);
  return std::move(to).out();
}

/// Returns: the table as a string.
[[nodiscard]] inline std::string to_string(const snapshot& s) {
  std::string text;
  write_table(std::back_inserter(text), s);
  return text;
}

/// Prints the table, independent of the stream's locale and flags.
inline std::ostream& operator<<(std::ostream& out, const snapshot& s) {
  const auto text = to_string(s);
  return out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

}  // namespace tarn
