// SPDX-License-Identifier: MIT
#pragma once

// Gets of a byte pool that wait.

#include <tarn/detail/pool/byte_core_large.hpp>
#include <tarn/detail/pool/byte_core_slow.hpp>

namespace tarn::detail {

template <class Config>
auto byte_core<Config>::take_until(std::size_t size, std::int64_t deadline, where_type where)
    -> sized_block {
  auto got = take_unreported(size, where);
  if (got.block != nullptr) return got;
  const auto tier = tier_of(size, small_alignment);
  const bool found = bounds_type::await(*this, tier, extent_for(size), deadline, [&](turn whose) {
    got = take_in_turn(size, where, whose);
    return got.block != nullptr;
  });
  if (!found) bounds_type::refuse(*this, tier, size);
  return got;
}

template <class Config>
auto byte_core<Config>::take_in_turn(std::size_t size, where_type where, turn whose)
    -> sized_block {
  const auto tier = tier_of(size, small_alignment);
  if (tier == this->tiers()) return take_large(size, small_alignment, where, whose);
  const auto got = base::take_in_turn(tier, size, where, whose);
  if (got.block == nullptr) return {};
  hand_out(got.block, got.from, tier, size);
  return {got.block, this->shape_of(tier).size};
}

}  // namespace tarn::detail
