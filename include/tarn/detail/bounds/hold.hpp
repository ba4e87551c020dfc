// SPDX-License-Identifier: MIT
#pragma once

// How a core takes many blocks, all or none.

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/bounds/bounds.hpp>

namespace tarn::detail {

/// Takes `count` blocks out of caches, depot and new slabs. They don't count as gets yet, unless
/// `counted`; `core::count_held` or `core::put_held` follows. Ready blocks come first.
///
/// New slabs join the tier only when they make up what is missing, so a failure leaves nothing
/// behind. As with a single get, one thread at a time grows the tier, and if the source has
/// nothing, all idle memory goes back to it where that may help, and other threads are asked for
/// theirs. Returns: false if there are too few blocks; `blocks` is not to be used then.
template <class Config>
bool bounds<Config>::hold(core_type& c, std::uint32_t tier, void** blocks, std::size_t count,
                          held_blocks& held, bool counted, turn whose) {
  using front = typename core_type::front;
  using lock_type = typename core_type::lock_type;
  auto& t = c.tiers_[tier];
  held = {};
  front::hold_ready(c, t, blocks, count, held);
  if (held.ready == count) {
    if (counted) c.count_held(tier, held);
    return true;
  }
  front::prepare_get(c);
  supply bought;
  std::uint64_t gained = 0;
  unsigned turns = 0;  // spent on waiting for other threads' caches
  bool reunited = false;
  for (bool last = false;;) {
    const auto arrived = c.slabs_.arrived.load(std::memory_order::acquire);  // as in take_or_grow
    std::uint64_t missing = 0;
    bool wait = false;
    bool reuniting = false;
    {
      const guard<lock_type> hold(t.lock);
      if (t.home.closed || c.is_overtaking(tier, whose)) break;
      front::hold_home(c, t, blocks, count, held);
      const std::uint64_t rest = count - held.ready;
      const auto carvable = t.home.max_live - min_of(t.home.live(), t.home.max_live);
      const auto there = t.home.parked() + min_of(t.home.uncarved() + gained, carvable);
      if (there >= rest) {
        join(c, t, bought);
        for (std::uint64_t i = 0; i != rest; ++i) {
          const auto got = t.home.take_bare();
          blocks[held.all()] = got.block;
          ++(got.from == origin::parked ? held.parked : held.fresh);
        }
        if (counted) c.count_home(t, held);
        break;
      }
      if (t.home.parked() + carvable < rest || !c.may_grow(whose)) break;
      missing = rest - there;
      reuniting = !reunited && c.is_to_reunite(t);
      wait = !reuniting && t.busy.load(std::memory_order::relaxed) != 0;  // set under this lock
      if (!wait && !reuniting) t.busy.store(1, std::memory_order::relaxed);
    }
    if (reuniting) {
      c.reunite(tier);
      reunited = true;
      continue;
    }
    if (wait) {
      wait_with<env, lock_type>(t.busy, 1);
      continue;
    }
    // A larger idle block is carved only if that is all that is missing: what was bought of the
    // source can go back without a trace.
    const auto bytes = t.home.shape.slab_bytes;
    const bool is_last = missing <= slab_type::blocks_in(bytes, t.home.shape);
    typename core_type::memory_returned to;
    slab_type* const made = buy_slab(c, tier, bought.magazines, is_last, to);
    c.stop_being_busy(t);
    c.announce(to);
    if (made != nullptr) {
      bought.slabs.push(made);
      gained += made->blocks;
      continue;
    }
    const auto slabs = (missing - 1) / slab_type::blocks_in(bytes, t.home.shape) + 1;
    if (!last && slabs <= max_size / bytes &&
        idle_may_help(c, cast_to<std::size_t>(slabs) * bytes)) {
      // What was bought so far goes with the rest, so that blocks of any size can be had of it.
      give_up(c, tier, bought);
      gained = 0;
      c.reclaim();
    } else if (!c.slabs_.template await<lock_type>(arrived) &&
               !(whose == turn::none && recall(c, tier, turns))) {
      break;
    }
    last = true;
  }
  if (held.all() == count) {
    if (gained != 0) c.waiting().call(tier);  // the new slabs may have more blocks than these
    return true;
  }
  give_up(c, tier, bought);
  c.put_held(tier, blocks, held);
  return false;
}

/// Gives back slabs that were added for blocks that were not taken in the end.
template <class Config>
void bounds<Config>::drop_untouched(core_type& c, std::uint32_t tier) noexcept {
  slab_list<env> spare;
  locked(c.tiers_[tier].lock, [&] {
    while (slab_type* const s = c.tiers_[tier].home.pop_unused(false)) {
      c.slabs_.leave();
      spare.push(s);
    }
  });
  c.release_slabs(tier, spare);
}

/// Whether all idle memory together may make room for `bytes` more bytes. Only a limit can tell: a
/// source that has nothing may do with what it gets back.
template <class Config>
bool bounds<Config>::idle_may_help(core_type& c, std::size_t bytes) noexcept {
  if (c.source_.has_room_for(bytes)) return true;
  if (bytes > c.source_.limit()) return false;
  const auto held = c.source_.held();
  // All of these are upper bounds. Large blocks: which of them are idle is not known here.
  std::size_t idle = held - min_of(held, c.slab_bytes_taken());
  for (std::uint32_t i = 0; i != c.tier_count_; ++i) {
    auto& t = c.tiers_[i];
    auto blocks = core_type::front::stacked(c, i);
    bool is_carved = false;
    locked(t.lock, [&] {
      blocks += t.home.home() + t.home.uncarved();
      blocks += core_type::front::reachable(c, t);
      is_carved = t.home.carved_slabs != 0;
    });
    const auto& shape = t.home.shape;
    // With its share of what the end of a slab has no use for.
    const auto share = shape.slab_bytes / slab_type::blocks_in(shape.slab_bytes, shape) + 1;
    idle += cast_to<std::size_t>(blocks) * (is_carved ? 2 * shape.stride : share);
  }
  idle += cached_elsewhere(c).bytes * 2;
  return held - min_of(held, idle) <= c.source_.limit() - bytes;
}

}  // namespace tarn::detail
