// SPDX-License-Identifier: MIT
//
// What a pool says about the blocks that are still live when it closes, and to which function.
//
//   tarn::set_closing_handler([](const tarn::closing_report& report) noexcept {
//     log_error("pool %s leaks %zu bytes", report.pool, report.bytes);
//   });
//   tarn::byte_pool<> pool({.name = "frames", .closing = tarn::closing::report});

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>

#include <tarn/fwd.hpp>
#include <tarn/value/live_blocks.hpp>
#include <tarn/value/options.hpp>

namespace tarn {

/// The live blocks of one tier of a pool that closes.
struct closing_tier {
  std::size_t size_bytes = 0;  ///< of a block, usable
  std::uint64_t blocks = 0;    ///< at least one

  [[nodiscard]] std::size_t bytes() const noexcept {
    return detail::cast_to<std::size_t>(blocks * size_bytes);
  }
};

/// The live blocks of a pool that closes. All that it points to is valid while the handler runs.
///
/// Exact if no thread uses the pool meanwhile. Bytes are those of the blocks; what an object holds
/// on the heap is not among them.
struct closing_report {
  const char* pool = "";           ///< the name of the pool
  closing mode = closing::report;  ///< with `abort` the program ends when the handler returns
  /// All live blocks, also those above the last tier. If only memory of others is live (`adopt`),
  /// the number of its owners.
  std::uint64_t blocks = 0;
  std::size_t bytes = 0;                  ///< of these blocks, usable
  std::span<const closing_tier> tiers{};  ///< those with live blocks, smallest first
  std::uint64_t large_blocks = 0;         ///< above the last tier
  std::size_t large_bytes = 0;            ///< of these
  std::uint64_t nodes = 0;                ///< of shared buffers; they come on top of the blocks
  /// The call sites of live blocks, most bytes first, at most 16. Only of the gets that the stats
  /// policy followed: empty unless it records.
  std::span<const live_site> sites{};
  std::uint64_t samples = 0;      ///< live blocks that were followed, of all sites
  std::uint64_t other_sites = 0;  ///< those of them whose sites are not in `sites`
};

/// Called once for each pool that closes with live blocks, unless its option is
/// `closing::orphan`: by `close` or the destructor, on their thread, outside every lock. It may use
/// other pools, and give blocks of this one back.
using closing_handler = void (*)(const closing_report&) noexcept;

/// Prints the report to the standard error stream: one line, and more for each tier and each site.
/// The default. Needs no memory of the heap.
inline void print_closing_report(const closing_report& report) noexcept {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  const auto plural = [](std::uint64_t n) { return n == 1 ? "" : "s"; };
  std::fprintf(stderr, "tarn: pool '%s' was closed with %llu block%s in use\n", report.pool,
               number(report.blocks), plural(report.blocks));
  for (const auto& t : report.tiers) {
    std::fprintf(stderr, "  %zu bytes: %llu block%s, %zu bytes\n", t.size_bytes, number(t.blocks),
                 plural(t.blocks), t.bytes());
  }
  if (report.large_blocks != 0) {
    std::fprintf(stderr, "  above the last tier: %llu block%s, %zu bytes\n",
                 number(report.large_blocks), plural(report.large_blocks), report.large_bytes);
  }
  if (report.nodes != 0) {
    std::fprintf(stderr, "  shared: %llu node%s\n", number(report.nodes), plural(report.nodes));
  }
  std::fprintf(stderr, "  together: %zu bytes\n", report.bytes);
  for (const auto& s : report.sites) {
    std::fprintf(stderr, "  %s:%lu: %llu block%s, %llu bytes (%llu followed), oldest %lld ms\n",
                 s.where ? s.where.file_name() : "(place not known)",
                 static_cast<unsigned long>(s.where.line()), number(s.estimated_blocks),
                 plural(s.estimated_blocks), number(s.estimated_bytes), number(s.samples),
                 static_cast<long long>(s.oldest.count() / 1'000'000));
  }
  if (report.other_sites != 0) {
    std::fprintf(stderr, "  at other places: %llu followed\n", number(report.other_sites));
  }
}

namespace detail {
inline constinit std::atomic<closing_handler> current_closing_handler{print_closing_report};
}

/// Sets the handler of the program; null: the default. Returns: the previous handler.
/// Thread safety: any thread.
inline closing_handler set_closing_handler(closing_handler handler) noexcept {
  // acq_rel: the handler sees the writes of the thread that set it, and the other way round.
  return detail::current_closing_handler.exchange(
      handler != nullptr ? handler : print_closing_report, std::memory_order::acq_rel);
}

}  // namespace tarn
