// SPDX-License-Identifier: MIT
#pragma once

// How many bytes caches may hold.

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// Whether caches have room before they are used, where the environment says so: the scenarios of a
/// model checker are too short for caches that must be used first.
template <class Env>
inline constexpr bool begins_with_room = false;
template <class Env>
  requires requires { Env::caches_begin_with_room; }
inline constexpr bool begins_with_room<Env> = Env::caches_begin_with_room;

/// The bytes that caches may hold: the budget of each set of caches, and how much of it a tier
/// gets.
template <class Config>
struct budgets {
  using core_type = core<Config>;

  /// Bytes of one of `sets` sets of caches. The default is enough for a block of every tier up to 2
  /// MiB, besides two magazines of the small ones.
  [[nodiscard]] static std::size_t bytes_of(const core_type& c, std::size_t sets) noexcept {
    return c.settings_.shard_bytes != 0 ? c.settings_.shard_bytes - 1  // set by the user, plus one
                                        : min_of(most_default, (std::size_t{64} << 20) / sets);
  }
  /// Bytes that one tier may get of them. So one tier alone can't take all.
  [[nodiscard]] static std::size_t share_of(const core_type& c, std::size_t bytes) noexcept {
    return bytes / min_of<std::size_t>(2, c.tier_count_);
  }
  /// Blocks that fit into the cache of a tier.
  [[nodiscard]] static std::uint32_t room_of(const core_type& c, std::uint32_t tier) noexcept {
    const auto share = share_of(c, bytes_of(c, 1));
    return static_cast<std::uint32_t>(
        clamp_to<std::size_t>(share / c.tiers_[tier].home.shape.stride, 1, most_room));
  }
  /// Blocks that a tier may get out of `share` bytes.
  [[nodiscard]] static std::uint32_t most_of(const core_type& c, std::uint32_t tier,
                                             std::size_t share) noexcept {
    const auto& t = c.tiers_[tier];
    const auto fit =
        min_of<std::uint64_t>(share / t.home.shape.stride, core_type::front::most_cached(t));
    return static_cast<std::uint32_t>(min_of<std::uint64_t>(fit, room_of(c, tier)));
  }

  /// Divides the budget of one of `sets` sets of caches that do not tell which tiers are used: each
  /// tier gets two magazines' worth or one block, the small ones first, and an equal part of what
  /// is left then. Calls `use(tier, blocks)`.
  template <class Use>
  static void divide(const core_type& c, std::size_t sets, Use&& use) noexcept {
    const auto bytes = bytes_of(c, sets);
    const auto share = share_of(c, bytes);
    std::size_t rest = bytes;
    const auto first = [&](std::uint32_t tier, std::size_t& left) {
      const auto stride = c.tiers_[tier].home.shape.stride;
      const auto blocks = min_of(room_for(stride), most_of(c, tier, min_of(share, left)));
      left -= blocks * stride;
      return blocks;
    };
    const auto number = [&](std::uint32_t n) {  // nodes first: they are small
      return (c.named_tiers_ + n) % c.tier_count_;
    };
    for (std::uint32_t n = 0; n != c.tier_count_; ++n)
      static_cast<void>(first(number(n), rest));
    std::size_t left = bytes;
    for (std::uint32_t n = 0; n != c.tier_count_; ++n) {
      const auto tier = number(n);
      const auto stride = c.tiers_[tier].home.shape.stride;
      const auto blocks = first(tier, left);
      const auto more = min_of<std::size_t>(most_of(c, tier, share) - blocks,
                                            rest / (c.tier_count_ - n) / stride);
      rest -= more * stride;
      use(tier, blocks + static_cast<std::uint32_t>(more));
    }
  }

 private:
  static constexpr std::size_t most_default = std::size_t{5} << 20;
  static constexpr std::uint32_t most_room = 1023;  // blocks; as many as the word of a cache counts
  static_assert(most_room <= level_mask, "a full cache must fit its word");
};

}  // namespace tarn::detail
