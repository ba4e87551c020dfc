// SPDX-License-Identifier: MIT
//
// Who holds blocks of a pool, printed; and tests that fail if somebody still does.
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

/// One line for the pool, and one for each place: file:line, blocks and bytes as estimated, age of
/// the oldest.
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

/// Blocks that were taken in a scope and are still out at its end.
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

/// Prints the report to the standard error stream and ends the program: the default, because a
/// test must not pass over a leak, and a destructor can't throw.
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

/// Sets the handler of the program; null: the default. Returns: the one before.
inline leak_handler set_leak_handler(leak_handler handler) noexcept {
  return detail::current_leak_handler.exchange(handler != nullptr ? handler : abort_on_leak,
                                               std::memory_order::acq_rel);
}

/// Fails if blocks of a pool that were taken since its begin are out at its end.
///
/// It sees those that the stats policy follows, so a test takes `basic_recording_stats<N, 1>`. With
/// fewer it also fails if more blocks are in use than at its begin, and then can't tell all places.
/// What was taken before may come back meanwhile: it hides nothing that is followed.
///
/// Its destructor checks as well, unless `check` or `dismiss` was called or an exception is on its
/// way; what it finds goes to the leak handler. Preconditions: the pool outlives it; at both
/// moments no other thread takes or gives blocks.
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
    } catch (...) {  // no memory for a report: it may be a leak
      detail::current_leak_handler.load(std::memory_order::acquire)(leak_report{});
    }
  }

  /// The blocks that were taken in this scope and are out.
  [[nodiscard]] leak_report report() const { return pool_.live_blocks(begin_.next_id); }

  /// Throws: `leak_found`, with the report, if there are such blocks.
  void(check)() {
    is_done_ = true;
    if (auto now = report(); is_leak(now)) throw leak_found(std::move(now));
  }
  /// Nothing is checked any more.
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
