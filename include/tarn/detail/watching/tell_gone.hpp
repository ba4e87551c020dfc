// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/depot/tier_counts.hpp>
#include <tarn/detail/watching/watch_list.hpp>

namespace tarn::detail {

/// Whether somebody hears of idle blocks that leave for this reason. They are then taken off the
/// lock one by one, as if they held objects.
template <class Env>
[[nodiscard]] bool hears_of(const watch_list<Env>& watchers, leaving why) noexcept {
  return watchers.any() && (why <= leaving::trimmed || why == leaving::purged);
}

/// Tells of an idle block that is about to leave. No lock is held.
template <class Env>
void tell_gone(watch_list<Env>& watchers, leaving why, std::uint32_t tier, std::size_t size,
               void* block) noexcept {
  if (!hears_of(watchers, why)) return;
  const bool aged = why == leaving::aged || why == leaving::purged;
  watchers.tell({aged ? moment::cleanup : moment::discard, tier, size, 0, block});
}

}  // namespace tarn::detail
