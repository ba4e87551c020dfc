// SPDX-License-Identifier: MIT
//
// Fits the pools to their load and to the system, and reports its last actions.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tarn/observe/monitor.hpp>
#include <tarn/observe/pressure.hpp>

#include "pools.hpp"

namespace observatory {

/// The memory pressure of a file, of the system or of this cgroup, whichever exists. The last value
/// stays readable.
class pressure_gauge {
 public:
  struct reading : tarn::pressure_reading {
    std::string source;         ///< the file or the folder
    bool is_of_cgroup = false;  ///< percent of its limit, not of time
  };

  /// `file`: in the format of `/proc/pressure/memory`; empty: the system's, or else the cgroup's.
  pressure_gauge(const std::string& file, std::shared_ptr<reading> last);
  [[nodiscard]] tarn::pressure_reading read();
  [[nodiscard]] tarn::pressure_thresholds defaults() const;

 private:
  std::variant<tarn::psi_source, tarn::cgroup_source> source_;
  std::shared_ptr<reading> last_;
};

/// A monitor for each pool. It changes a bound where one was set. Where no bound is set, it only
/// reports: there decay alone decides how many blocks are kept. A watch for memory pressure trims
/// all pools.
///
/// Thread safety: one thread at a time.
class caretaker {
 public:
  /// A viewer of the page should not wait for half a minute, a monitor's default.
  static constexpr auto looks_every = tarn::time_span::of_seconds(2);
  /// Steps of the default, a half, would jump over the range between the thresholds: with a steady
  /// load, the next look would undo the change of this one.
  static constexpr tarn::monitor_options fitting{.growth = 0.2};
  /// While pressure lasts, a trim that finds hardly any idle memory only costs hits.
  static constexpr tarn::pressure_options relief{.least_between_trims =
                                                     tarn::time_span::of_seconds(5)};

  caretaker(pools& of, const std::string& pressure_file);

  /// Takes the actions that are due. `now`: on the clock of snapshots.
  void tick(tarn::time_span now);
  /// As JSON: the thresholds, and for each pool the last finding and the last change.
  [[nodiscard]] std::string monitors(tarn::time_span now) const;
  /// As JSON: the pressure that the source reports, and the actions of the watch.
  [[nodiscard]] std::string pressure(tarn::time_span now) const;

 private:
  struct change {
    tarn::monitor_finding found;
    tarn::time_span when{};
  };
  struct watched {
    std::string pool;
    std::function<std::vector<tarn::monitor_finding>()> check;
    bool resizes = false;              // otherwise it only reports what it would change
    std::vector<std::size_t> sizes{};  // of the tiers
    std::vector<tarn::monitor_finding> last_look{};  // of each tier
    std::optional<change> last_change{};
    std::uint64_t looks = 0;
    std::uint64_t changes = 0;
  };
  struct trim {
    tarn::pressure_level level{};
    std::uint64_t bytes = 0;
    tarn::time_span when{};
  };

  template <class Pool>
  void fit(Pool& pool);
  [[nodiscard]] static std::string of_one(const watched& w, tarn::time_span now);
  void relieve(tarn::time_span now);
  void tell(std::string message, std::size_t before, std::size_t after);

  pools& pools_;
  std::vector<watched> monitors_;
  std::int64_t due_ = 0;  // the next look of the monitors
  std::shared_ptr<pressure_gauge::reading> reading_ = std::make_shared<pressure_gauge::reading>();
  tarn::pressure_watch<pressure_gauge> watch_;
  std::optional<trim> last_trim_;
};

}  // namespace observatory
