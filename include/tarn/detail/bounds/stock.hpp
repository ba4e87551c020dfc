// SPDX-License-Identifier: MIT
#pragma once

// How a core makes blocks ready, all or none.

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/bounds/bounds.hpp>

namespace tarn::detail {

/// Ensures that `blocks` blocks of `tier` without an object can be had. Parked blocks count, and so
/// do blocks that are not carved yet. Slabs are bought for the rest; the caller adds them or gives
/// them up. If `into.is_all`, existing blocks don't count. `partly`: as many as the limit leaves
/// are enough, and `blocks` becomes that number.
///
/// Idle memory of other tiers stays where it is: making blocks ready must not take other blocks
/// away. Returns: false if that is too much; nothing has changed then.
template <class Config>
bool bounds<Config>::stock(core_type& c, std::uint32_t tier, std::uint64_t& blocks, bool partly,
                           supply& into) {
  auto& t = c.tiers_[tier];
  const auto& shape = t.home.shape;
  if (!partly && blocks > c.source_.limit() / shape.stride) return false;  // above the limit
  std::uint64_t gained = 0;
  for (;;) {
    std::uint64_t most = 0;  // blocks that are parked or may be carved
    bool wait = false;
    {
      const guard<typename core_type::lock_type> hold(t.lock);
      const auto live = min_of(t.home.live(), t.home.max_live);
      const auto carvable = t.home.max_live - live;
      const auto parked = into.is_all ? 0 : t.home.parked();
      const auto uncarved = (into.is_all ? 0 : t.home.uncarved()) + gained;
      most = parked + min_of(uncarved, carvable);
      if (t.home.closed || parked + carvable < blocks) break;
      if (most >= blocks) return true;
      wait = t.busy.load(std::memory_order::relaxed) != 0;  // set under this lock
      if (!wait) t.busy.store(1, std::memory_order::relaxed);
    }
    if (wait) {
      wait_with<env, typename core_type::lock_type>(t.busy, 1);
      continue;
    }
    memory_returned to;
    slab_type* const made = buy_slab(c, tier, into.magazines, false, to);
    c.stop_being_busy(t);
    c.announce(to);
    if (made != nullptr) {
      into.slabs.push(made);
      gained += made->blocks;
    } else if (partly && !c.source_.has_room_for(shape.slab_bytes)) {
      blocks = min_of(blocks, most);
    } else {
      break;
    }
  }
  give_up(c, tier, into);
  return false;
}

/// Adds slabs that were bought for these blocks alone, and takes `count` blocks out of them.
/// Returns: how many it took; fewer if the core was closed.
template <class Config>
std::size_t bounds<Config>::carve(core_type& c, std::uint32_t tier, supply& bought,
                                  acquired_type* blocks, std::size_t count) noexcept {
  auto& t = c.tiers_[tier];
  std::size_t carved = 0;
  while (carved != count) {
    const bool added = locked(t.lock, [&] {
      slab_type* const s = t.home.closed ? nullptr : bought.slabs.pop();
      if (s == nullptr) return false;
      t.home.add(s, bought.magazines);
      while (carved != count && s->carved != s->blocks && t.home.live() < t.home.max_live)
        blocks[carved++] = {t.home.carve(s), origin::fresh};
      return true;
    });
    if (!added) break;
  }
  return carved;
}

/// Whether the limit leaves room for `blocks` more blocks of `tier` beside `bytes` for other
/// blocks; adds the bytes that they need to `bytes`. `afresh`: existing blocks don't count.
template <class Config>
bool bounds<Config>::has_room_for(const core_type& c, std::uint32_t tier, std::uint64_t blocks,
                                  std::size_t& bytes, bool afresh) noexcept {
  auto& t = c.tiers_[tier];
  std::uint64_t there = 0;
  const bool may_be = locked(t.lock, [&] {
    if (!afresh) there = t.home.parked() + t.home.uncarved();
    return !afresh || t.home.live() + blocks <= t.home.max_live;
  });
  if (blocks <= there || !may_be) return may_be;
  const auto slab = t.home.shape.slab_bytes;
  const auto slabs = (blocks - there - 1) / slab_type::blocks_in(slab, t.home.shape) + 1;
  if (slabs > (c.source_.limit() - min_of(c.source_.limit(), bytes)) / slab) return false;
  bytes += static_cast<std::size_t>(slabs) * slab;
  return c.source_.has_room_for(bytes);
}

/// Why there can't be `blocks` more blocks of `tier`.
template <class Config>
refusal bounds<Config>::why_no_more(const core_type& c, std::uint32_t tier,
                                    std::uint64_t blocks) noexcept {
  if (c.closed()) return refusal::closed;
  auto& t = c.tiers_[tier];
  const bool too_many = locked(t.lock, [&] {
    return t.home.max_live - min_of(t.home.max_live, t.home.live()) + t.home.parked() < blocks;
  });
  if (too_many) return refusal::capacity;
  std::size_t bytes = 0;
  return has_room_for(c, tier, blocks, bytes) ? refusal::source : refusal::limit;
}

template <class Config>
void bounds<Config>::give_to_source(core_type& c, void* memory, std::size_t bytes,
                                    memory_returned& to) noexcept {
  c.source_bytes_.fetch_sub(bytes, std::memory_order::relaxed);  // a statistic
  c.source_.deallocate_unheard(memory, bytes, c.settings_.slab_bytes);
  to.to_source = true;
}

/// Buys a slab from the source, or carves a larger idle block if it may; it is not yet added. Its
/// magazines are added to `magazines`.
template <class Config>
auto bounds<Config>::buy_slab(core_type& c, std::uint32_t tier, magazine_list<env>& magazines,
                              bool may_carve, memory_returned& to) -> slab_type* {
  magazine_list<env> own;
  slab_type* made = nullptr;
  if (may_carve) {
    made = c.obtain_slab(tier, own, to);
  } else {
    const auto bytes = c.tiers_[tier].home.shape.slab_bytes;
    void* const memory = c.ask_source(bytes, to);
    if (memory == nullptr) return nullptr;
    made = c.describe(tier, memory, bytes, nullptr, own);
    if (made == nullptr) give_to_source(c, memory, bytes, to);
  }
  while (auto* const m = own.pop())
    magazines.push(m);
  return made;
}

/// Under the lock: makes the slabs a part of their tier.
template <class Config>
void bounds<Config>::join(core_type&, tier_type& t, supply& bought) noexcept {
  while (slab_type* const s = bought.slabs.pop()) {
    t.home.add(s, bought.magazines);
    if (s->parent != nullptr) ++t.home.carved_slabs;
  }
}

template <class Config>
void bounds<Config>::add(core_type& c, std::uint32_t tier, supply& bought) noexcept {
  auto& t = c.tiers_[tier];
  locked(t.lock, [&] {
    if (!t.home.closed) join(c, t, bought);
  });
  c.waiting().call(tier);
  give_up(c, tier, bought);  // the rest, if the tier was closed
}

template <class Config>
void bounds<Config>::give_up(core_type& c, std::uint32_t tier, supply& bought) noexcept {
  auto& t = c.tiers_[tier];
  memory_returned to;
  bought.magazines.destroy_all(t.home.shape.rounds, t.home.shape.own);
  while (slab_type* const s = bought.slabs.pop()) {
    std::byte* const memory = s->base;
    const auto bytes = s->bytes;
    slab_type* const parent = s->parent;
    c.directory_.set(memory, bytes, parent);
    locked(t.lock, [&] { t.home.slabs.push_spare(s); });
    if (parent != nullptr) {
      c.return_memory(memory, bytes, parent, to);
    } else {
      give_to_source(c, memory, bytes, to);
    }
  }
  c.announce(to);
}

}  // namespace tarn::detail
