// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/tick_rules.hpp>
#include <tarn/detail/core/core.hpp>
#include <tarn/detail/system/pages.hpp>
#include <tarn/detail/system/system.hpp>

namespace tarn::detail {

/// The periodic work on the idle memory of a core: tick.hpp and purge.hpp. The caller keeps the
/// core alive and holds no lock.
template <class Config>
struct upkeep {
  using core_type = core<Config>;
  using tier_type = core_tier<Config>;
  using shard_type = typename core_type::shard_type;
  using slab_type = typename core_type::slab_type;

  static constexpr bool can_purge = has_page_drop && is_purgeable_v<typename Config::source>;

  /// Gives back a part of the blocks not needed since the last tick. Returns: the number of blocks.
  static std::size_t tick(core_type& c, const tick_rules& rules) noexcept;
  /// Sets how many ready blocks of `tier` decay leaves.
  static void keep_at_least(core_type& c, std::uint32_t tier, std::uint64_t blocks) noexcept;
  /// Empties those of the calling thread's caches that it did not use during a whole tick.
  static void flush_idle(core_type& c) noexcept;
  static void evict_above_bounds(core_type& c) noexcept;

  /// Drops the pages of all idle blocks in the depots. Preconditions: `can_purge`. Returns: the
  /// bytes of these pages.
  static std::size_t purge(core_type& c) noexcept;
  /// What happens to the pages of blocks that are not needed; `none`: the blocks themselves go.
  [[nodiscard]] static purge_mode aged_pages(const core_type& c) noexcept {
    return can_purge ? c.settings_.aged_pages : purge_mode::none;
  }
  /// Whether slabs that are whole for this reason stay, without their pages.
  [[nodiscard]] static bool keeps_slabs(const core_type& c, evict_reason why) noexcept {
    return aged_pages(c) != purge_mode::none &&
           (why == evict_reason::bound || why == evict_reason::aged);
  }

  /// Counts bytes that went back to the source.
  static void note_returned(core_type& c, std::size_t bytes) noexcept {
    c.upkeep_.returned.fetch_add(bytes, std::memory_order::relaxed);  // guards nothing
  }
  /// Makes the source give its free memory to the system, if that may be much by now.
  static void release_to_system(core_type& c) noexcept;

 private:
  /// Fewer bytes are not worth the walk over the heap.
  static constexpr std::size_t least_to_release = std::size_t{1} << 20;

  [[nodiscard]] static std::uint64_t surplus(const core_type& c, const tier_type& t,
                                             std::uint64_t ready, const tick_rules& rules) noexcept;
  static std::size_t age(core_type& c, std::uint32_t tier, const tick_rules& rules) noexcept;
  static void note_peak(tier_type& t, const tick_rules& rules) noexcept;
  static void begin(core_type& c, const tick_rules& rules) noexcept;

  /// Whether blocks lose their pages one by one, not by whole slabs.
  [[nodiscard]] static bool has_own_pages(std::size_t stride) noexcept {
    return stride % page_size() == 0 || stride >= 2 * page_size();
  }
  static std::size_t purge_parked(core_type& c, std::uint32_t tier, std::uint64_t most,
                                  bool lazily) noexcept;
  static std::size_t purge_blocks(core_type& c, tier_type& t, std::uint64_t most,
                                  bool lazily) noexcept;
  static std::size_t purge_slabs(core_type& c, tier_type& t, bool lazily) noexcept;
  [[nodiscard]] static std::size_t drop_resident(slab_type& s, bool lazily) noexcept;
};

}  // namespace tarn::detail
