// SPDX-License-Identifier: MIT
//
// Whether the numbers of a pool can be true.
//
//   if (auto broken = tarn::validate(pool.snapshot(), tarn::moment::at_rest)) log(broken->text);

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <tarn/value/snapshot.hpp>

namespace tarn {

/// What is known of the moment at which a snapshot was taken.
enum class moment : unsigned char {
  busy,     ///< threads may have been using the pool: what must hold at any moment is checked
  at_rest,  ///< no thread was: all numbers must agree
};

/// An invariant that numbers break.
struct broken_invariant {
  std::string pool;
  std::string rule;  ///< as "created = idle + in use + retired + abandoned"
  std::string text;  ///< the pool, the tier, the rule and the numbers
};

namespace detail {

/// Looks at the rules one by one and keeps the first that is broken.
class invariant_check {
 public:
  explicit invariant_check(const snapshot& s) : of_(s) {}

  void tier(const tier_snapshot& t, const std::string& which, bool at_rest) {
    at_most(which, "puts <= gets", t.puts, t.gets);
    at_most(which, "misses <= gets", t.misses, t.gets);
    at_most(which, "retired + abandoned <= created", t.retired + t.abandoned, t.created);
    at_most(which, "recarved <= retired", t.recarved, t.retired);
    at_most(which, "idle in threads + idle pinned <= idle", t.idle_in_threads + t.idle_pinned,
            t.idle);
    at_most(which, "idle purged <= idle", t.idle_purged, t.idle);
    if (!at_rest) return;
    const auto accounted = t.idle + t.in_use + t.retired + t.abandoned;
    equal(which, "created = idle + in use + retired + abandoned", t.created, accounted);
    if (t.gets != 0) equal(which, "gets - puts = in use", t.gets - t.puts, t.in_use);
    at_most(which, "idle <= bound", in_depot(t), t.max_idle);
    if (of_.capacity != snapshot::no_bound && &t != &of_.nodes) {
      at_most(which, "blocks <= capacity", t.created - t.retired - t.abandoned, of_.capacity);
    }
  }
  void large(bool at_rest) {
    const auto& l = of_.large;
    at_most("large blocks", "puts <= gets", l.puts, l.gets);
    at_most("large blocks", "reused <= gets", l.reused, l.gets);
    at_most("large blocks", "kept purged <= kept", l.kept_purged, l.kept);
    if (at_rest && l.gets != 0) {
      equal("large blocks", "gets - puts = in use", l.gets - l.puts, l.in_use);
    }
  }
  void bytes() {
    std::uint64_t blocks = 0;
    std::uint64_t idle = 0;
    const auto add = [&](const tier_snapshot& t) {
      blocks += (t.created - t.retired) * t.stride_bytes;
      idle += in_depot(t) * t.stride_bytes;
    };
    for (const auto& t : of_.tiers)
      add(t);
    at_most("bytes", "idle bytes <= max_bytes", idle, of_.max_idle_bytes);
    add(of_.nodes);
    at_most("bytes", "bytes of blocks <= bytes of slabs", blocks, of_.slab_bytes);
    at_most("bytes", "slab bytes <= limit_bytes", of_.slab_bytes, of_.limit_bytes);
    at_most("bytes", "most held bytes <= limit_bytes", of_.most_held_bytes, of_.limit_bytes);
  }
  void holders() { at_most("shared buffers", "releases <= retains", of_.releases, of_.retains); }

  [[nodiscard]] std::optional<broken_invariant> found() && { return std::move(found_); }

 private:
  /// Idle blocks that bounds speak of: not those in caches of threads, nor those that others pin.
  [[nodiscard]] static std::uint64_t in_depot(const tier_snapshot& t) noexcept {
    return t.idle - t.idle_in_threads - t.idle_pinned;
  }
  void equal(const std::string& which, const char* rule, std::uint64_t left, std::uint64_t right) {
    if (left != right) note(which, rule, left, right);
  }
  void at_most(const std::string& which, const char* rule, std::uint64_t left,
               std::uint64_t right) {
    if (left > right) note(which, rule, left, right);
  }
  void note(const std::string& which, const char* rule, std::uint64_t left, std::uint64_t right) {
    if (found_) return;
    found_ = {of_.name, rule,
              "tarn: pool '" + of_.name + "', " + which + ": " + rule + " does not hold, " +
                  std::to_string(left) + " against " + std::to_string(right)};
  }

  const snapshot& of_;
  std::optional<broken_invariant> found_;
};

}  // namespace detail

/// Looks for numbers that can't be true together.
///
/// While threads use a pool its numbers are read one after the other: only what holds nevertheless
/// is checked then (no count is above the one it is a part of). At rest, also conservation, per
/// tier and in bytes, and all bounds; a `prewarm` that was told to go beyond one shows as well.
/// Returns: the first rule that is broken; nothing if all hold.
[[nodiscard]] inline std::optional<broken_invariant> validate(const snapshot& s,
                                                              moment when = moment::busy) {
  const bool at_rest = when == moment::at_rest;
  detail::invariant_check checked(s);
  for (const auto& t : s.tiers)
    checked.tier(t, "tier " + std::to_string(t.size_bytes), at_rest);
  checked.tier(s.nodes, "nodes", at_rest);
  checked.large(at_rest);
  checked.holders();
  if (at_rest) checked.bytes();
  return std::move(checked).found();
}

}  // namespace tarn
