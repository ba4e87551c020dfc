// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/depot/tier_counts.hpp>
#include <tarn/detail/events/observer_list.hpp>

namespace tarn::detail {

/// Whether an observer hears of idle blocks that leave for this reason. Such blocks are handled one
/// by one outside the lock, as if they held objects.
template <class Env>
[[nodiscard]] bool hears_of(const observer_list<Env>& observers, evict_reason why) noexcept {
  return observers.any() && (why <= evict_reason::trimmed || why == evict_reason::purged);
}

/// Tells observers of an idle block that is about to leave. No lock is held.
template <class Env>
void tell_gone(observer_list<Env>& observers, evict_reason why, std::uint32_t tier,
               std::size_t size, void* block) noexcept {
  if (!hears_of(observers, why)) return;
  const bool aged = why == evict_reason::aged || why == evict_reason::purged;
  observers.tell(
      {aged ? pool_event_kind::cleanup : pool_event_kind::discard, tier, size, 0, block});
}

}  // namespace tarn::detail
