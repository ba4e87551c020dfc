// SPDX-License-Identifier: MIT
#pragma once

// How much memory may be ready.

#include <tarn/detail/bounds/bounds.hpp>

namespace tarn::detail {

/// How many blocks of `tier` would be ready if the caller's cache were empty.
template <class Config>
std::uint64_t bounds<Config>::reachable(core_type& c, std::uint32_t tier) noexcept {
  auto& t = c.tiers_[tier];
  const auto ready = c.ready_of(tier);
  return ready + locked(t.lock, [&] { return core_type::front::reachable(c, t); });
}

/// How many more blocks may become ready before the pool has more idle bytes than it may keep.
template <class Config>
std::uint64_t bounds<Config>::room_for_idle(const core_type& c, std::uint32_t tier) noexcept {
  if (core_type::front::is_stack && !c.settings_.bounds_idle_bytes) return ~std::uint64_t{0};
  const auto bytes = c.bounded_idle_bytes();
  const auto most = c.settings_.max_idle_bytes;
  return bytes < most ? (most - bytes) / c.tiers_[tier].home.shape.stride : 0;
}

/// Idle bytes above those that the pool may keep.
template <class Config>
std::size_t bounds<Config>::idle_above_bound(const core_type& c) noexcept {
  const auto idle = c.bounded_idle_bytes();
  return idle > c.settings_.max_idle_bytes ? idle - c.settings_.max_idle_bytes : 0;
}

template <class Config>
std::uint64_t bounds<Config>::bound(const core_type& c, std::uint32_t tier) noexcept {
  auto& t = c.tiers_[tier];
  return locked(t.lock, [&] { return core_type::front::bound_of(t); });
}

}  // namespace tarn::detail
