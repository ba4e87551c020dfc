// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// The bounds of a core, and its behaviour at them: room.hpp, stock.hpp, hold.hpp,
/// await.hpp and refuse.hpp.
/// The caller keeps the core alive and holds no lock.
template <class Config>
struct bounds {
  using core_type = core<Config>;
  using env = typename Config::env;
  using slab_type = typename core_type::slab_type;
  using tier_type = core_tier<Config>;
  using acquired_type = typename core_type::acquired_type;

  /// Slabs that were bought but are not yet part of their tier.
  struct supply {
    bool is_all = false;  // blocks that exist already are not taken
    slab_list<env> slabs;
    magazine_list<env> magazines;
  };
  /// Idle blocks in caches.
  struct cached {
    std::size_t bytes = 0;
    std::size_t threads = 0;
  };

  static constexpr std::uint32_t no_tier = ~std::uint32_t{0};  // for blocks above the last tier
  static constexpr unsigned most_source_refusals = 16;         // in one get that waits

  /// What a get that waits has tried.
  struct search {
    std::int64_t deadline = 0;
    unsigned looks = 0;     // since it slept last
    unsigned refusals = 0;  // by the source
  };
  enum class found : std::uint8_t { block, nothing, waits };

  [[nodiscard]] static std::uint64_t reachable(core_type& c, std::uint32_t tier) noexcept;
  [[nodiscard]] static std::uint64_t room_for_idle(const core_type& c, std::uint32_t tier) noexcept;
  [[nodiscard]] static std::size_t idle_above_bound(const core_type& c) noexcept;
  [[nodiscard]] static std::uint64_t bound(const core_type& c, std::uint32_t tier) noexcept;
  [[nodiscard]] static bool stock(core_type& c, std::uint32_t tier, std::uint64_t& blocks,
                                  bool partly, supply& into);
  static void add(core_type& c, std::uint32_t tier, supply& bought) noexcept;
  [[nodiscard]] static std::size_t carve(core_type& c, std::uint32_t tier, supply& bought,
                                         acquired_type* blocks, std::size_t count) noexcept;
  static void give_up(core_type& c, std::uint32_t tier, supply& bought) noexcept;
  static void drop_untouched(core_type& c, std::uint32_t tier) noexcept;
  /// Gives all idle memory back but for `keep_of(tier)` ready blocks of each tier.
  template <class KeepOf>
  static void drain_to(core_type& c, KeepOf&& keep_of) noexcept {
    c.give_more_back();
    c.end_detention();
    c.flush_all();  // before the order below, which empties caches for good
    core_type::front::drain(c);
    for (std::uint32_t t = 0; t != c.tier_count_; ++t)
      c.evict(t, keep_of(t), evict_reason::trimmed);
  }
  [[nodiscard]] static bool hold(core_type& c, std::uint32_t tier, void** blocks, std::size_t count,
                                 held_blocks& held, bool counted = false, turn whose = turn::none);
  [[nodiscard]] static bool idle_may_help(core_type& c, std::size_t bytes) noexcept;
  [[nodiscard]] static bool has_room_for(const core_type& c, std::uint32_t tier,
                                         std::uint64_t blocks, std::size_t& bytes,
                                         bool afresh = false) noexcept;

  [[nodiscard]] static bool may_wait(const core_type& c, std::uint32_t tier,
                                     std::size_t bytes) noexcept;
  template <class Look>
  [[nodiscard]] static found look_again(core_type& c, typename core_type::request_type& r,
                                        std::uint32_t tier, std::size_t bytes, search& past,
                                        Look&& look);
  template <class Look>
  [[nodiscard]] static bool await(core_type& c, std::uint32_t tier, std::size_t bytes,
                                  std::int64_t deadline, Look&& look);

  [[nodiscard]] static refusal failure(const core_type& c, std::uint32_t tier,
                                       std::size_t bytes) noexcept;
  [[nodiscard]] static refusal reason(const core_type& c, std::uint32_t tier,
                                      std::size_t bytes = 0) noexcept;
  [[nodiscard]] static refusal why_no_more(const core_type& c, std::uint32_t tier,
                                           std::uint64_t blocks) noexcept;
  [[nodiscard]] static refusal why_not_many(core_type& c, std::uint32_t tier, std::size_t size,
                                            std::size_t count) noexcept;
  static void refuse_many(core_type& c, std::uint32_t tier, std::size_t size,
                          std::size_t count) noexcept;
  static void refuse(core_type& c, std::uint32_t tier, std::size_t size) noexcept {
    c.refuse(reason(c, tier, size), tier, size);
  }
  [[nodiscard]] static refusal why_no_node(const core_type& c) noexcept {
    return reason(c, c.tiers(), c.settings_.slab_bytes);
  }
  /// Counts a refusal because the core got no node for itself.
  TARN_COLD static void refuse_node(core_type& c) noexcept {
    c.refuse(why_no_node(c), c.tiers(), c.settings_.node_bytes);
  }
  [[nodiscard]] static std::uint64_t in_use(const core_type& c, std::uint32_t tier) noexcept;
  [[nodiscard]] static cached cached_elsewhere(core_type& c) noexcept;
  [[nodiscard]] static bool recall(core_type& c, std::uint32_t tier, unsigned& turns) noexcept;

 private:
  using memory_returned = typename core_type::memory_returned;
  static void give_to_source(core_type& c, void* memory, std::size_t bytes,
                             memory_returned& to) noexcept;
  [[nodiscard]] static slab_type* buy_slab(core_type& c, std::uint32_t tier,
                                           magazine_list<env>& magazines, bool may_carve,
                                           memory_returned& to);
  static void join(core_type& c, tier_type& t, supply& bought) noexcept;
};

}  // namespace tarn::detail
