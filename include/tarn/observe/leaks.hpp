// SPDX-License-Identifier: MIT
//
// Prints the live blocks of a pool by call site, and makes tests fail if blocks are still live.
//
//   using followed = tarn::basic_recording_stats<256, 1>;  // 1: every get is followed
//   tarn::byte_pool<tarn::thread_cached<>, followed> pool;
//   tarn::leak_scope scope(pool);
//   run(pool);
//   scope.check();                                         // throws leak_found, with the report

#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include <tarn/value/live_blocks.hpp>

namespace tarn {

/// Prints one line for the pool, and one line for each call site: file:line, estimated blocks and
/// bytes, and the age of the oldest block.
inline std::ostream& operator<<(std::ostream& out, const leak_report& report) {
  out << "tarn: pool '" << report.pool << "': " << report.in_use << " blocks in use, "
      << report.samples << " of them followed";
  if (report.not_sampled != 0) out << " (" << report.not_sampled << " found no place)";
  for (const auto& site : report.sites) {
    out << "\n  ";
    if (site.where) {
      out << site.where.file_name() << ':' << site.where.line();
    } else {
      out << "(place not known)";
    }
    out << ": " << site.estimated_blocks << (site.estimated_blocks == 1 ? " block, " : " blocks, ")
        << site.estimated_bytes << " bytes";
    if (site.estimated_blocks != site.samples) out << " (from " << site.samples << " followed)";
    out << ", oldest " << site.oldest.count() / 1'000'000 << " ms";
  }
  return out;
}

[[nodiscard]] inline std::string to_string(const leak_report& report) {
  std::ostringstream text;
  text << report;
  return std::move(text).str();
}

/// The error for blocks that were taken in a scope and are still live at its end.
class leak_found : public std::runtime_error {
 public:
  explicit leak_found(leak_report report)
      : std::runtime_error(to_string(report)), report_(std::move(report)) {}
  [[nodiscard]] const leak_report& report() const noexcept { return report_; }

 private:
  leak_report report_;
};

/// Called by the destructor of a leak_scope that was not checked and finds a leak.
using leak_handler = void (*)(const leak_report&) noexcept;

/// Prints the report to the standard error stream and ends the program. The default, because a test
/// must not miss a leak, and a destructor can't throw.
inline void abort_on_leak(const leak_report& report) noexcept {
  try {
    std::fprintf(stderr, "%s\n", to_string(report).c_str());
  } catch (...) {  // no memory for the text
    std::fputs("tarn: blocks of a leak_scope are still out\n", stderr);
  }
  std::abort();
}

namespace detail {
inline constinit std::atomic<leak_handler> current_leak_handler{abort_on_leak};
}

/// Sets the handler of the program; null: the default. Returns: the previous handler.
inline leak_handler set_leak_handler(leak_handler handler) noexcept {
  return detail::current_leak_handler.exchange(handler != nullptr ? handler : abort_on_leak,
                                               std::memory_order::acq_rel);
}

/// Fails if blocks of a pool that were taken after its begin are live at its end.
///
/// It sees the blocks that the stats policy follows, so use `basic_recording_stats<N, 1>` in a
/// test. With fewer followed blocks it also fails if more blocks are in use than at its begin, but
/// it can't report all call sites then. Blocks that were taken before the scope may come back in
/// it: they hide no followed block.
///
/// Its destructor checks as well, unless `check` or `dismiss` was called or an exception is in
/// flight, and passes a leak to the leak handler. Preconditions: the pool outlives it; no other
/// thread takes or gives back blocks at its begin or its end.
template <class Pool>
class leak_scope {
  static_assert(
      requires(const Pool& pool) { pool.live_blocks(); },
      "leak_scope: the pool's stats policy follows no blocks; use recording_stats");

 public:
  explicit leak_scope(const Pool& pool)
      : pool_(pool), begin_(pool.live_blocks()), exceptions_(std::uncaught_exceptions()) {}
  leak_scope(const leak_scope&) = delete;
  leak_scope& operator=(const leak_scope&) = delete;
  ~leak_scope() {
    if (is_done_ || std::uncaught_exceptions() > exceptions_) return;
    try {
      if (const auto now = report(); is_leak(now)) {
        detail::current_leak_handler.load(std::memory_order::acquire)(now);
      }
    } catch (...) {  // no memory for a report: there may be a leak
      detail::current_leak_handler.load(std::memory_order::acquire)(leak_report{});
    }
  }

  /// The blocks that were taken in this scope and are live.
  [[nodiscard]] leak_report report() const { return pool_.live_blocks(begin_.next_id); }

  /// Throws: `leak_found`, with the report, if blocks of this scope are live.
  void(check)() {
    is_done_ = true;
    if (auto now = report(); is_leak(now)) throw leak_found(std::move(now));
  }
  /// Disables the check of the destructor.
  void dismiss() noexcept { is_done_ = true; }

 private:
  [[nodiscard]] bool is_leak(const leak_report& now) const noexcept {
    return now.samples != 0 || now.in_use > begin_.in_use;
  }

  const Pool& pool_;
  leak_report begin_;
  int exceptions_;
  bool is_done_ = false;
};

}  // namespace tarn
