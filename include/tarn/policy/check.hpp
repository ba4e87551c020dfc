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
#include <type_traits>

#include <tarn/detail/check/parts.hpp>
#include <tarn/fwd.hpp>
#include <tarn/value/basic/call_site.hpp>
#include <tarn/value/basic/checked_block.hpp>

namespace tarn {

/// The facts about one misuse.
struct misuse_report {
  misuse kind;
  const char* pool;   ///< the name of the pool that was called
  const void* block;  ///< the pointer that was given
  std::size_t size;   ///< the size that was given, in bytes; of `written_idle`, that of the get
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

/// A part of a check: a type with some of these static members, each noexcept.
///
/// * `check_finding on_get(const checked_block&)`: the block goes out. The part may write its room,
///   and the bytes if `is_free`.
/// * `check_finding on_put(const checked_block&)`: the block came home, and is one of the pool's.
///   Its bytes are the user's still; an object is still there.
/// * `void on_idle(const checked_block&)`: the same, afterwards: its object is gone, if it had one.
///   The part may write the bytes if `is_free`. It is not called for objects that are kept.
/// * `std::size_t room_bytes`: how many bytes behind each block's capacity are the part's own.
/// * `bool watches_idle`: whether `on_get` looks at the bytes that `on_idle` left.
///
/// At most one part of a check may write the bytes in `on_idle`, and one in `on_get`.
///
/// A finding is counted and reported as a misuse; the block goes its way all the same. `on_get` and
/// `on_put` may also return nothing. No lock is held. Complexity: each get and put calls each part
/// once. Thread safety: several threads call a part at the same time, each for another block.
template <class P>
concept check_part =
    requires(const checked_block& b) { P::on_get(b); } || requires(const checked_block& b) {
      P::on_put(b);
    } || requires(const checked_block& b) { P::on_idle(b); } || requires { P::room_bytes; };

namespace detail {
template <class Part, class... Parts>
inline constexpr bool is_among = (false || ... || std::is_same_v<Part, Parts>);
template <class... Parts>
inline constexpr bool are_distinct = true;
template <class Part, class... Parts>
inline constexpr bool are_distinct<Part, Parts...> =
    !is_among<Part, Parts...> && are_distinct<Parts...>;
}  // namespace detail

/// The checks of `checked`, and `Parts` in addition: a set, in any order.
///
/// `byte_pool<Lock, Stats, traits<Tiers, checked_with<fill_blocks, fence_blocks>>>`. A check of
/// your own may be derived from it: `struct mine : checked_with<fill_blocks, my_part> {};`.
///
/// Cost: as `checked`, and what the parts do.
template <class... Parts>
struct checked_with {
  static_assert(
      (true && ... && check_part<Parts>),
      "checked_with: a part of a check needs a static on_get, on_put or on_idle that takes "
      "a const tarn::checked_block&, or a static constexpr room_bytes");
  static_assert(detail::are_distinct<Parts...>, "checked_with: name each part once");
  static constexpr bool enabled = true;
  using parts = detail::check_parts<Parts...>;
};

/// Finds null, foreign, interior, wrong-size, wrong-pool, double and after-close returns through
/// the raw interface. Each is counted by kind and reported once to the handler. The pool takes only
/// after-close returns back.
///
/// Cost: a look-up of the block's slab and one atomic operation on its in-use bit, per get and put.
struct checked : checked_with<> {};

/// A check policy: whether the pool checks what is given back. A member `parts`, as that of
/// `checked_with`, says what else it does; without it, nothing.
template <class C>
concept check_policy = requires {
  { C::enabled } -> std::convertible_to<bool>;
};

namespace detail {
template <class Check>
struct parts_named_by {
  using type = check_parts<>;
};
template <class Check>
  requires requires { typename Check::parts; }
struct parts_named_by<Check> {
  using type = typename Check::parts;
};
}  // namespace detail

}  // namespace tarn
