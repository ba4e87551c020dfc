// SPDX-License-Identifier: MIT
#pragma once

// How a core begins, how threads come and go, how it closes and ends.

#include <bit>
#include <utility>

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// Blocks per magazine: 32 KiB worth, so that a trip to the depot moves enough to be rare and
/// little enough not to hoard.
[[nodiscard]] constexpr std::uint32_t rounds_for(std::size_t stride) noexcept {
  return static_cast<std::uint32_t>(
      clamp_to<std::size_t>((std::size_t{32} << 10) / stride, 1, 256));
}

/// Blocks per cache: two magazines' worth; one block from 64 KiB on.
[[nodiscard]] constexpr std::uint32_t room_for(std::size_t stride) noexcept {
  return stride > std::size_t{64} << 10 ? 1 : 2 * rounds_for(stride);
}
static_assert(room_for(1) <= level_mask);

template <class Config>
template <class SizeOf>
core<Config>::core(const core_settings& settings, std::uint32_t tiers, SizeOf&& size_of,
                   source_type source)
    // The pool object and every tier keep the core; no_lock and the like settle like the others.
    : core_base<env>(tiers + 1),
      tier_count_(tiers),
      tiers_(new tier_state[tiers]),
      settings_(settings),
      source_(std::move(source)),
      directory_(static_cast<unsigned>(std::countr_zero(settings.slab_bytes))) {
  for (std::uint32_t i = 0; i != tiers; ++i) {
    auto& t = tiers_[i];
    auto& shape = t.home.shape;
    shape.size = size_of(i);
    shape.stride = max_of(stride_for(shape.size), settings.least_stride);
    shape.slab_bytes =
        shape.stride > settings.slab_bytes / 2 ? shape.stride : settings.slab_bytes;
    shape.number = i;
    shape.rounds = t.home.magazines.rounds = rounds_for(shape.stride);
    shape.links = is_lock_free;
    shape.states = Config::checks;
    t.home.max_live = settings.capacity;
    if constexpr (is_lock_free) {
      const auto most = shape.slab_bytes * most_carved / shape.stride;
      t.index_bits = static_cast<std::uint32_t>(std::bit_width(most));
      if (settings.max_ready != core_settings::no_limit) {
        t.most_stacked.store(static_cast<std::int64_t>(settings.max_ready),
                             std::memory_order::relaxed);  // nobody else is here yet
      }
    }
    if constexpr (is_single) {
      t.cache.room = room_for(shape.stride);
      t.cache.rounds = new typename cache_type::template cell<void*>[t.cache.room] {};
    }
    bound_to(t, settings.max_ready);
  }
  env::watch_forks();
  const bool bounded = settings.capacity != core_settings::no_limit;
  own_slot_ = env::registry().enroll(*this, is_per_thread && !bounded);
  slot_.store(own_slot_, std::memory_order::relaxed);  // nobody else is here yet
}

template <class Config>
core<Config>::~core() {
  for (auto* s = shards_.load(std::memory_order::relaxed); s != nullptr;) {  // nobody else is left
    auto* const next = s->next;
    shard_type::destroy(s);
    s = next;
  }
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    if constexpr (is_single) delete[] tiers_[i].cache.rounds;
    for (auto& row : tiers_[i].slabs) delete[] row.load(std::memory_order::relaxed);
  }
  delete[] tiers_;
}

template <class Config>
auto core<Config>::find_vacant() noexcept -> shard_type* {
  const guard<lock_type> hold(shard_lock_);
  for (auto* s = shards_.load(std::memory_order::relaxed); s != nullptr; s = s->next) {
    if (!s->vacant) continue;
    s->vacant = false;
    return s;
  }
  return nullptr;
}

template <class Config>
auto core<Config>::make_shard() noexcept -> shard_type* {
  return shard_type::make(tier_count_,
                          [this](std::uint32_t i) { return room_for(tiers_[i].home.shape.stride); });
}

/// The calling thread's shard, adopted or new. Returns: null where a thread can't have one: it is
/// ending, the pool is closed or bounded, there is no memory or, for a put, no vacant shard.
template <class Config>
auto core<Config>::attach(bool may_allocate) noexcept -> shard_type* {
  const auto slot = slot_.load(std::memory_order::relaxed);  // checked again under the lock
  auto& table = env::table();
  if (slot == 0) return nullptr;
  if (void* const mine = table.entry(slot)) return static_cast<shard_type*>(mine);
  if (!env::thread_is_alive() || !table.make_room(slot, may_allocate)) return nullptr;
  shard_type* s = find_vacant();
  const bool fresh = s == nullptr;
  if (fresh) {
    s = may_allocate ? make_shard() : nullptr;
    if (s == nullptr) {
      if (!may_allocate) shard_wanted_.store(true, std::memory_order::relaxed);  // a hint
      return nullptr;
    }
  }
  env::registry().attach(slot);
  const bool refused = locked(shard_lock_, [&] {
    if (this->closed()) {
      if (!fresh) s->vacant = true;
      return true;
    }
    if (fresh) {
      s->next = shards_.load(std::memory_order::relaxed);
      shards_.store(s, std::memory_order::release);  // (1) pairs with (2): its words are made
    }
    return false;
  });
  if (refused) {
    env::registry().detach(slot);
    if (fresh) shard_type::destroy(s);
    return nullptr;
  }
  s->seen_drains = drains_.load(std::memory_order::relaxed);  // the shard is empty anyway
  s->seen_threads = 0;
  table.set(slot, s);
  fit_budget(s);
  return s;
}

/// Shares the shard's byte budget out: no tier gets more than a quarter, the small ones first. So
/// the sum holds for any table of tiers and any number of threads.
template <class Config>
void core<Config>::fit_budget(shard_type* s) noexcept {
  const auto threads = max_of<std::size_t>(env::registry().threads(), 1);
  // relaxed: whoever misses a change of the bounds sees it on a later slow path.
  const auto bounds = bounds_.load(std::memory_order::relaxed);
  if (s->seen_threads == threads && s->seen_bounds == bounds) return;
  s->seen_threads = threads;
  s->seen_bounds = bounds;
  std::size_t left = settings_.shard_bytes != 0
                         ? settings_.shard_bytes - 1  // said by the user, plus one
                         : min_of(std::size_t{4} << 20, (std::size_t{64} << 20) / threads);
  const std::size_t share = left / min_of<std::size_t>(4, tier_count_);
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    auto& cache = s->caches()[t];
    const auto stride = tiers_[t].home.shape.stride;
    const auto most = tiers_[t].most_cached.load(std::memory_order::relaxed);
    const auto blocks =
        min_of<std::size_t>(min_of<std::size_t>(cache.room, most), min_of(share, left) / stride);
    cache.limit = static_cast<std::uint32_t>(blocks);
    left -= blocks * stride;
  }
}

/// Where one lock guards cache and depot, the bound holds for both together, so the cache's share
/// follows what the depot has. The lock is held.
template <class Config>
void core<Config>::refit(tier_state& t) noexcept {
  if constexpr (is_single) {
    const auto ready = t.home.ready();
    const auto left = t.home.bound > ready ? t.home.bound - ready : 0;
    const auto limit = t.home.closed ? 0 : min_of<std::uint64_t>(t.cache.room, left);
    t.cache.limit = static_cast<std::uint32_t>(limit);
  }
}

template <class Config>
void core<Config>::bound_to(tier_state& t, std::uint64_t blocks) noexcept {
  t.home.bound = blocks;
  t.most_cached.store(blocks, std::memory_order::relaxed);  // see fit_budget
  refit(t);
}

template <class Config>
void core<Config>::follow_orders() noexcept {
  auto& table = env::table();
  if (env::registry().has_orders(table)) env::registry().follow_orders(table);
}

/// Under the tier's lock, after blocks came home: the number of lives that this ended.
template <class Config>
std::uint32_t core<Config>::settled(tier_state& t) noexcept {
  if (!t.home.closed || t.home.settled || t.home.home() != t.home.live()) return 0;
  t.home.settled = true;
  return 1;
}

template <class Config>
void core<Config>::close() noexcept {
  {
    const guard<lock_type> hold(shard_lock_);
    if (this->closed()) return;
    this->closed_.store(true, std::memory_order::release);
  }
  // relaxed: the order below publishes it; who misses it lands in its own shard, which is not home.
  slot_.store(0, std::memory_order::relaxed);
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    auto& t = tiers_[i];
    std::uint32_t index = index_stack<env>::none;
    locked(t.lock, [&] {
      t.home.closed = true;
      refit(t);
      if constexpr (is_lock_free) index = t.stack.take_all(true);
    });
    if constexpr (is_lock_free) {
      while (index != index_stack<env>::none) {
        const auto next = link_of(t, index).load(std::memory_order::relaxed);  // this thread's now
        void* const block = block_at(t, index);
        if (settings_.keeps_objects) this->dispose(block);
        park_home(i, block);
        index = next;
      }
    }
  }
  if constexpr (is_per_thread) {
    env::registry().give_order();
    follow_orders();
  }
  flush_all(nullptr);
  std::uint32_t ended = 0;
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    shed(i, 0);
    ended += locked(tiers_[i].lock, [&] { return settled(tiers_[i]); });
  }
  if (ended != 0) this->drop_life(ended);  // never the last: the pool object is still there
}

template <class Config>
void core<Config>::leave(void* shard) noexcept {
  auto* const s = static_cast<shard_type*>(shard);
  flush_all(s);
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    if (locked(tiers_[t].lock,
               [&] { return tiers_[t].home.ready() > ready_to_keep(tiers_[t]); })) {
      shed_excess(t);
    }
  }
  const guard<lock_type> hold(shard_lock_);
  s->vacant = true;
}

template <class Config>
void core<Config>::refresh(void* shard) noexcept {
  auto* const s = static_cast<shard_type*>(shard);
  const auto drains = drains_.load(std::memory_order::relaxed);  // published by the order
  if (s->seen_drains == drains) return;
  s->seen_drains = drains;
  flush_all(s);
  for (std::uint32_t t = 0; t != tier_count_; ++t) shed(t, 0);
}

template <class Config>
void core<Config>::lock_all() noexcept {
  for (std::uint32_t t = 0; t != tier_count_; ++t) tiers_[t].lock.lock();
  shard_lock_.lock();
}

template <class Config>
void core<Config>::unlock_all() noexcept {
  shard_lock_.unlock();
  for (std::uint32_t t = tier_count_; t-- != 0;) tiers_[t].lock.unlock();
}

template <class Config>
void core<Config>::abandon_foreign_shards(void* own) noexcept {
  for (auto* s = shards_.load(std::memory_order::relaxed); s != nullptr; s = s->next) {
    if (s == own) continue;
    for (std::uint32_t t = 0; t != tier_count_; ++t) {
      auto& cache = s->caches()[t];
      const auto level = cache.level();  // the word only: a put may have been cut in half
      tiers_[t].home.count.abandoned += level;
      cache.moved_in(-static_cast<std::int64_t>(level));
    }
    s->vacant = true;
  }
  // Whoever grew or trimmed a tier is gone.
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    tiers_[t].busy.store(0, std::memory_order::relaxed);  // one thread is left
  }
}

template <class Config>
bool core<Config>::contains(const void* p) const noexcept {
  return directory_.find(p) != nullptr;
}

template <class Config>
void core<Config>::end() noexcept {
  env::registry().retire(*this, own_slot_);
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    auto& home = tiers_[i].home;
    while (settings_.keeps_objects && home.ready() != 0) this->dispose(home.magazines.take());
    home.for_each_slab([&](const slab_type& s) {
      if (s.parent == nullptr) source_.deallocate(s.base, s.bytes, settings_.slab_bytes);
    });
  }
  delete this;
}

}  // namespace tarn::detail
