// SPDX-License-Identifier: MIT
//
// Check policies: what a pool does about bad returns, and what else it does to a block on its way
// out and home. Handles cannot be misused; raw pointers can. Parts: policy/check_parts.hpp.

#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include <tarn/value/basic/call_site.hpp>
#include <tarn/value/basic/misuse.hpp>

namespace tarn {

/// The facts about one misuse.
struct misuse_report {
  misuse kind;
  const char* pool;   ///< the name of the pool that was called
  const void* block;  ///< the pointer that was given
  std::size_t size;   ///< the size that was given, in bytes; of `written_idle`, that
                      ///< of the get, or the capacity if the block left a quarantine
  call_site where{};  ///< the get of the block, if the stats policy follows it (as
                      ///< `recording_stats` does, a sample); else unknown
};

[[nodiscard]] constexpr const char* to_string(misuse kind) noexcept {
  constexpr const char* names[misuse_count] = {
      "null pointer",          "pointer that no pool gave",
      "pointer into a block",  "wrong size or alignment",
      "block of another pool", "block that is not out (double put)",
      "put to a closed pool",  "write behind the capacity",
      "write after the put"};
  return names[static_cast<std::size_t>(kind)];
}

/// Called once for every misuse, outside every lock, on the thread that caused it.
using misuse_handler = void (*)(const misuse_report&) noexcept;

/// Ignores a misuse: the pool has counted it and not taken the block. The default.
inline void ignore_misuse(const misuse_report&) noexcept {}

/// Prints the misuse to the standard error stream and ends the program.
[[noreturn]] inline void abort_on_misuse(const misuse_report& report) noexcept {
  const bool at_get = report.kind == misuse::written_idle;
  std::fprintf(stderr, "tarn: pool '%s': %s: %s(%p, %zu)", report.pool, to_string(report.kind),
               at_get ? "found by the next get " : "deallocate", report.block, report.size);
  if (report.where) {
    std::fprintf(stderr, ", taken at %s:%u", report.where.file_name(), report.where.line());
  }
  std::fputc('\n', stderr);
  std::abort();
}

namespace detail {
inline constinit std::atomic<misuse_handler> current_misuse_handler{ignore_misuse};
}

/// Sets the handler of the program; null: the default. Returns: the previous handler.
/// Thread safety: any thread.
inline misuse_handler set_misuse_handler(misuse_handler handler) noexcept {
  // acq_rel: the handler sees the writes of the thread that set it, and the other way round.
  return detail::current_misuse_handler.exchange(handler != nullptr ? handler : ignore_misuse,
                                                 std::memory_order::acq_rel);
}

/// Trusts every pointer, and costs nothing. The default.
struct no_check {
  static constexpr bool enabled = false;
};

/// Finds null, foreign, interior, wrong-size, wrong-pool, double and after-close returns through
/// the raw interface. Each is counted by kind and reported once to the handler. The pool takes only
/// after-close returns back.
///
/// Cost: a look-up of the block's slab and one atomic operation on its in-use bit, per get and put.
struct checked {
  static constexpr bool enabled = true;
};

/// A check policy: whether the pool checks what is given back. A type `parts`, as that of
/// `checked_with`, says what else it does; without it, nothing.
template <class C>
concept check_policy = requires {
  { C::enabled } -> std::convertible_to<bool>;
};

}  // namespace tarn
