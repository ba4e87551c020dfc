// SPDX-License-Identifier: MIT
//
// pressure_watch: trims pools under memory pressure.
//
//   tarn::pressure_watch watch(tarn::psi_source{});     // "some tasks wait for memory"
//   watch.start(std::chrono::seconds(1));               // trims the published pools when they do

#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tarn/detail/base/error.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/observe/detail/ticker.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/value/setting.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// The level of memory pressure.
enum class pressure_level : unsigned char { none, some, full };

/// The values of a source at which each level begins, in percent, and how far the value must fall
/// to end it.
struct pressure_thresholds {
  double some_at = 10;
  double full_at = 10;
  double ends_below = 0.8;  ///< a level ends below this part of its begin
};

/// The values of a source at one moment.
struct pressure_reading {
  double some = 0;     ///< percent, compared to `some_at`
  double full = 0;     ///< percent, compared to `full_at`
  std::string absent;  ///< why there is no value; empty if there is one

  [[nodiscard]] bool available() const noexcept { return absent.empty(); }
};

/// A source of pressure: `read()` returns its values, `defaults()` its thresholds.
template <class S>
concept pressure_source = requires(S& source) {
  { source.read() } -> std::convertible_to<pressure_reading>;
  { source.defaults() } -> std::convertible_to<pressure_thresholds>;
};

namespace detail {

/// The first 4 KiB of a file. Returns: nothing if it can't be read.
[[nodiscard]] inline std::optional<std::string> text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(4096, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.gcount() == 0 && !file.eof())) return std::nullopt;
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

/// Takes a number such as "12.34" off the begin of `text`; a space or the end must follow it.
/// Returns: nothing without a number, or for a number above 10^18.
[[nodiscard]] inline std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  double unit = 1;
  bool has_digits = false;
  bool has_point = false;
  std::size_t i = 0;
  for (; i != text.size() && text[i] != ' ' && text[i] != '\n'; ++i) {
    if (text[i] == '.' && !has_point && has_digits) {
      has_point = true;
    } else if (text[i] >= '0' && text[i] <= '9') {
      has_digits = true;
      value = value * 10 + (text[i] - '0');
      if (has_point) unit *= 10;
      if (value > 1e18) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  text.remove_prefix(i);
  if (!has_digits) return std::nullopt;
  return value / unit;
}

/// The value of `key` ("avg10") in the line of `text` that begins with `kind` ("some").
[[nodiscard]] inline std::optional<double> psi_value(std::string_view text, std::string_view kind,
                                                     std::string_view key) {
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    if (!line.starts_with(kind) || line.substr(kind.size()).substr(0, 1) != " ") continue;
    line.remove_prefix(kind.size());
    while (!line.empty()) {
      line.remove_prefix((std::min)(line.find_first_not_of(' '), line.size()));
      const bool is_it = line.starts_with(key) && line.substr(key.size()).starts_with('=');
      if (is_it) {
        line.remove_prefix(key.size() + 1);
        return take_number(line);
      }
      line.remove_prefix((std::min)(line.find(' '), line.size()));
    }
    return std::nullopt;
  }
  return std::nullopt;
}

/// The single number in a file of a cgroup. "max" is infinite.
[[nodiscard]] inline std::optional<double> cgroup_value(const std::string& path) {
  const auto text = text_of_file(path);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  if (rest == "max") return std::numeric_limits<double>::infinity();
  const auto value = take_number(rest);
  return rest.empty() ? value : std::nullopt;
}

}  // namespace detail

/// Pressure stall information of Linux: the percent of the last ten seconds in which some task, or
/// all tasks, waited for memory. From a file of the system, or `memory.pressure` of a cgroup.
class psi_source {
 public:
  static constexpr const char* of_system = "/proc/pressure/memory";

  psi_source() : psi_source(of_system) {}
  explicit psi_source(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] pressure_reading read() const {
    const auto text = detail::text_of_file(path_);
    if (!text) return {0, 0, "tarn: '" + path_ + "' can't be read"};
    const auto some = detail::psi_value(*text, "some", "avg10");
    // Kernels before 5.13 have no "full" line in some files.
    const bool has_full = text->starts_with("full ") || text->find("\nfull ") != std::string::npos;
    const auto full = has_full ? detail::psi_value(*text, "full", "avg10") : 0.0;
    if (!some || !full || *some > 100 || *full > 100) {
      return {0, 0, "tarn: '" + path_ + "' is no pressure stall information"};
    }
    return {*some, *full, {}};
  }
  [[nodiscard]] static constexpr pressure_thresholds defaults() noexcept { return {10, 5, 0.8}; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// The memory of a cgroup (version 2) in percent of its lower limit, `memory.high` or `memory.max`.
class cgroup_source {
 public:
  /// `folder`: that of the cgroup. A missing folder is noticed at the first `read`.
  explicit cgroup_source(std::string folder) : folder_(std::move(folder)) {}

  /// The cgroup of this process. `memberships` and `mount`: the files of Linux that name it.
  [[nodiscard]] static cgroup_source of_this_process(
      const std::string& memberships = "/proc/self/cgroup",
      const std::string& mount = "/sys/fs/cgroup") {
    const auto text = detail::text_of_file(memberships).value_or("");
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      if (line.starts_with("0::/")) return cgroup_source(mount + std::string(line.substr(3)));
      rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
    }
    return cgroup_source(mount);
  }

  [[nodiscard]] pressure_reading read() const {
    const auto current = detail::cgroup_value(folder_ + "/memory.current");
    const auto high = detail::cgroup_value(folder_ + "/memory.high");
    const auto max = detail::cgroup_value(folder_ + "/memory.max");
    if (!current || !(*current < std::numeric_limits<double>::infinity()) || (!high && !max)) {
      return {0, 0, "tarn: '" + folder_ + "' is no cgroup with a limit of memory"};
    }
    const auto none = std::numeric_limits<double>::infinity();
    const auto limit = (std::min)(high.value_or(none), max.value_or(none));
    if (limit == none) return {0, 0, "tarn: the cgroup '" + folder_ + "' has no limit of memory"};
    const auto percent = limit > 0 ? *current / limit * 100 : 100;
    return {percent, percent, {}};
  }
  [[nodiscard]] static constexpr pressure_thresholds defaults() noexcept { return {85, 95, 0.95}; }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  std::string folder_;
};

/// What a watch does, and how often.
struct pressure_options {
  setting<pressure_thresholds> thresholds{};  ///< absent: those of the source
  unsigned keep_percent_on_some = 50;  ///< percent of each pool's idle bytes to keep at `some`
  unsigned keep_percent_on_full = 0;   ///< at `full`; 0 also empties thread caches and the heap
  time_span least_between_trims = time_span::of_seconds(1);
};

/// The counts of a watch.
struct pressure_numbers {
  std::uint64_t ticks = 0;
  std::uint64_t absent = 0;         ///< ticks at which the source had no value
  std::uint64_t some = 0;           ///< ticks at this level
  std::uint64_t full = 0;           ///< ticks at this level
  std::uint64_t trims = 0;          ///< passes over the pools
  std::uint64_t held_back = 0;      ///< passes left out, too soon after the last one
  std::uint64_t trimmed_bytes = 0;  ///< bytes that pools gave back to their sources
};

/// Reads the pressure from a source, and trims the published pools while it is high.
///
/// A level begins at its threshold, and ends when the value has fallen well below it. During a
/// level it trims as often as allowed: `some` trims each pool to half of its idle bytes; `full`
/// trims all idle bytes, orders other threads to empty their caches, and makes the heap give memory
/// back. A source without a value ends the level.
///
/// Thread safety: any thread may call `tick`, `level` and `numbers`; all else as ticker.
template <pressure_source Source>
class pressure_watch {
 public:
  /// Throws: `std::invalid_argument`, with its name, if a threshold or a percentage is not valid.
  explicit pressure_watch(Source source, pressure_options o = {}, const pool_registry& of = pools())
      : source_(std::move(source)),
        options_(o),
        at_(options_.thresholds.value_or(source_.defaults())),
        pools_(of),
        ticker_([this](time_span now) { tick(now); }) {
    const auto is_percent = [](const char* what, double value) {
      if (!(value > 0 && value <= 1e6)) {
        detail::throw_invalid(what, value, "must be above 0 and at most", 1'000'000);
      }
    };
    is_percent("some_at", at_.some_at);
    is_percent("full_at", at_.full_at);
    if (!(at_.ends_below > 0 && at_.ends_below <= 1)) {
      detail::throw_invalid("ends_below", at_.ends_below, "must be above 0 and at most", 1);
    }
    const auto keeps = [](const char* what, unsigned percent) {
      if (percent > 100) detail::throw_invalid(what, percent, "must be at most", 100);
    };
    keeps("keep_percent_on_some", options_.keep_percent_on_some);
    keeps("keep_percent_on_full", options_.keep_percent_on_full);
    if (options_.least_between_trims.count() < 0) {
      detail::throw_invalid("least_between_trims ns", options_.least_between_trims.count(),
                            "must be at least", 0);
    }
  }

  /// Reads the source once, and trims if needed. `now`: on any steady clock, always the same one.
  /// Does nothing during another tick.
  ///
  /// Returns: the level. Throws: what the source throws, `std::bad_alloc`.
  pressure_level tick(time_span now) {
    turn_.try_run([&] { run(now); });
    return level();
  }

  /// Starts the thread. Throws: as `ticker::start`.
  void start(time_span interval = time_span::of_seconds(1)) { ticker_.start(interval); }
  /// Ends the thread, after a tick that is under way. It uses no pool afterwards.
  void stop() noexcept { ticker_.stop(); }
  /// True if the thread runs. False in a fork's child, which has no such thread.
  [[nodiscard]] bool running() const noexcept { return ticker_.running(); }

  /// The level of the last tick.
  [[nodiscard]] pressure_level level() const noexcept {
    return level_.load(std::memory_order::relaxed);  // a single number: it publishes nothing else
  }
  /// Why the source had no value at the last tick; empty if it had one.
  [[nodiscard]] std::string why_absent() const {
    const auto why = detail::locked(lock_, [&] { return absent_; });
    return why != nullptr ? *why : std::string();
  }
  [[nodiscard]] pressure_numbers numbers() const noexcept {
    return {count_.ticks.read(),        count_.absent.read(), count_.some.read(),
            count_.full.read(),         count_.trims.read(),  count_.held_back.read(),
            count_.trimmed_bytes.read()};
  }
  [[nodiscard]] const pressure_thresholds& thresholds() const noexcept { return at_; }

 private:
  using counter = detail::shared_counter<detail::native_env>;
  struct counters {
    counter ticks, absent, some, full, trims, held_back, trimmed_bytes;
  };

  void run(time_span now) {
    count_.ticks.add(1);
    const pressure_reading reading = source_.read();
    note(reading.absent);
    if (!reading.available()) count_.absent.add(1);
    const auto level = reading.available() ? judged(reading) : pressure_level::none;
    level_.store(level, std::memory_order::relaxed);
    if (level == pressure_level::some) count_.some.add(1);
    if (level == pressure_level::full) count_.full.add(1);
    if (level != pressure_level::none) relieve(level, now);
  }

  /// A level lasts until its value is well below its threshold, so that it does not flicker.
  [[nodiscard]] pressure_level judged(const pressure_reading& r) const noexcept {
    const auto before = level();
    const auto holds = [&](double value, double begin, pressure_level which) {
      return value >= begin || (before >= which && value >= begin * at_.ends_below);
    };
    if (holds(r.full, at_.full_at, pressure_level::full)) return pressure_level::full;
    if (holds(r.some, at_.some_at, pressure_level::some)) return pressure_level::some;
    return pressure_level::none;
  }

  void relieve(pressure_level level, time_span now) {
    const bool is_soon =
        trimmed_ && now.count() - last_trim_.count() < options_.least_between_trims.count();
    // A higher level than at the last trim is not held back.
    if (is_soon && level <= trimmed_at_) return count_.held_back.add(1), void();
    trimmed_ = true;
    last_trim_ = now;
    trimmed_at_ = level;
    count_.trims.add(1);
    const bool is_full = level == pressure_level::full;
    const std::size_t keep =
        is_full ? options_.keep_percent_on_full : options_.keep_percent_on_some;
    pools_.for_each([&](const watched_pool& pool) {
      const auto seen = pool.occupancy();
      if (!seen) return;
      const auto idle = seen->idle_bytes();
      const auto given = pool.trim(idle / 100 * keep + idle % 100 * keep / 100);
      count_.trimmed_bytes.add(given);
      if (is_full && keep == 0) pool.drain();
    });
    if (is_full) detail::trim_heap();
  }

  void note(const std::string& why) {
    std::shared_ptr<const std::string> text;
    if (!why.empty()) text = std::make_shared<const std::string>(why);
    const detail::guard hold(lock_);
    absent_.swap(text);
  }

  Source source_;  // this and the next group: used by the tick under way
  pressure_options options_;
  pressure_thresholds at_;
  pool_registry pools_;
  bool trimmed_ = false;
  time_span last_trim_{};
  pressure_level trimmed_at_ = pressure_level::none;

  detail::fork_turn turn_;  // of the tick under way
  std::atomic<pressure_level> level_{pressure_level::none};
  counters count_;
  mutable detail::fork_lock lock_{
      [](void* watch) noexcept { static_cast<pressure_watch*>(watch)->turn_.forget(); }, this};
  std::shared_ptr<const std::string> absent_;  // guarded by lock_
  ticker ticker_;                              // last: its thread uses the other members
};

}  // namespace tarn
