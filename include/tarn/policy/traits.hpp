// SPDX-License-Identifier: MIT
//
// The policies for layout and hit path besides lock and statistics, and how all policies become the
// configuration of the mechanism.

#pragma once

#include <cstddef>

#include <tarn/detail/core/core.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/policy/policy_mistakes.hpp>
#include <tarn/policy/source.hpp>
#include <tarn/policy/stats.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/policy/traits_mistakes.hpp>
#include <tarn/value/options.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

/// Traits of a byte pool: `byte_pool<Lock, Stats, traits<stream_tiers, checked, page_source>>`.
template <class Tiers, class Check, class Source>
struct traits {
  static_assert(detail::right_tiers<Tiers>::value && detail::right_check<Check>::value &&
                detail::right_source<Source>::value);
  using tiers = Tiers;
  using check = Check;
  using source = Source;
};

namespace detail {

/// The table of a stats policy for the blocks that it follows, if it follows some.
template <class Stats, class Env, bool IsShared>
struct samples_in {
  using type = no_samples;
};
template <class Stats, class Env, bool IsShared>
  requires requires { typename Stats::template samples<Env, IsShared>; }
struct samples_in<Stats, Env, IsShared> {
  using type = typename Stats::template samples<Env, IsShared>;
};

/// The policies in the form that the mechanism uses.
template <class Lock, class Stats, class Check, class Source>
struct core_config {
  static_assert(right_policies<Lock, Stats>);
  // The type that the core depends on: pools that differ in tiers, type or lifecycle share its
  // code.
  using mechanism = core_config;
  using env = typename lock_traits<Lock>::env;
  using shape = typename lock_traits<Lock>::shape;
  using lock = typename lock_traits<Lock>::depot_lock;
  using source = Source;
  static constexpr bool is_concurrent = is_concurrent_v<Lock>;
  // One writer at a time: the shard of one thread, or a pool that has only one thread.
  static constexpr bool is_shared = !shape::has_shards && is_concurrent_v<Lock>;
  using shared_recorder = typename Stats::template recorder<
      std::conditional_t<is_concurrent_v<Lock>, shared_counter<env>, plain_counter>>;
  using recorder = typename Stats::template recorder<owned_counter<env>>;
  using samples = typename samples_in<Stats, env, is_concurrent>::type;
  static constexpr bool counts = Stats::counts;
  static constexpr bool times_waits = counts && is_concurrent;
  static constexpr bool checks = Check::enabled;
  using parts = typename parts_in<Check>::type;

  static void on_misuse(misuse kind, const char* pool, const void* block, std::size_t size,
                        const call_site& where) noexcept {
    current_misuse_handler.load(std::memory_order::acquire)({kind, pool, block, size, where});
  }
};

/// The traits of a byte pool. Checks them first, for a clear error message.
template <class Traits>
struct byte_traits {
  static_assert(
      requires {
        typename Traits::tiers;
        typename Traits::check;
        typename Traits::source;
      },
      "byte_pool: the third argument (after Lock and Stats) must be tarn::traits<Tiers, Check, "
      "Source>, as in tarn::traits<tarn::small_tiers>");
  static_assert(
      !like_lock<Traits> && !like_stats<Traits>,
      "byte_pool: a lock or a stats policy stands in the place of the traits: first Lock, "
      "then Stats, then the traits");
  using check = typename Traits::check;
  using source = typename Traits::source;
};

template <class Lock, class Stats, class Traits>
struct byte_config : core_config<Lock, Stats, typename byte_traits<Traits>::check,
                                 typename byte_traits<Traits>::source> {
  using tiers = typename Traits::tiers;
};

/// Converts run-time options to settings of the mechanism. Throws: as `validate`.
template <class Source>
[[nodiscard]] core_settings settings_of(const options& o) {
  validate(o);
  core_settings s;
  s.limit_bytes = o.limit_bytes.value_or(core_settings::no_limit);
  s.max_idle_bytes = o.max_bytes.value_or(options::default_max_bytes);
  s.bounds_idle_bytes = o.max_bytes.has_value();
  // Of the tier that keeps most: see `pool_base::bound_tiers`.
  s.max_ready =
      min_of(o.max_objects.value_or(core_settings::no_limit), o.max_objects_by_tier.largest());
  s.capacity = o.capacity.value_or(core_settings::no_limit);
  s.aged_pages = o.idle_memory == idle_memory::purge         ? purge_mode::at_once
                 : o.idle_memory == idle_memory::reclaimable ? purge_mode::lazy
                                                             : purge_mode::none;
  const bool stays = is_purgeable_v<Source> && has_page_drop && s.aged_pages != purge_mode::none;
  s.slab_bytes = o.slab_bytes.value_or(stays && !o.limit_bytes ? options::staying_slab_bytes
                                                               : options::default_slab_bytes);
  s.alignment = o.alignment.value_or(1);
  s.shard_bytes = o.shard_bytes ? min_of(*o.shard_bytes, core_settings::no_limit - 1) + 1 : 0;
  return s;
}

}  // namespace detail
}  // namespace tarn
