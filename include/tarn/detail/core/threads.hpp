// SPDX-License-Identifier: MIT
#pragma once

// How threads attach to a core, and what a fork does to their shards.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/core/grants.hpp>

namespace tarn::detail {

template <class Config>
auto core<Config>::find_vacant() noexcept -> shard_type* {
  const guard<lock_type> hold(shard_lock_);
  shard_type* const s = vacant_;
  if (s != nullptr) vacant_ = s->next_vacant;
  return s;
}

/// Keeps a shard of the core's list for the next thread that needs one.
template <class Config>
void core<Config>::keep_vacant(shard_type* s) noexcept {
  const guard<lock_type> hold(shard_lock_);
  s->next_vacant = vacant_;
  vacant_ = s;
}

template <class Config>
auto core<Config>::make_shard() noexcept -> shard_type* {
  shard_type* const s =
      shard_type::make({front::has_shards ? tier_count_ : 0, named_tiers_, settings_.cache_gap},
                       room_of_tier(), own_.memory());
  if (s == nullptr) return nullptr;
  const guard<lock_type> hold(shard_lock_);
  s->next = shards_.load(std::memory_order::relaxed);
  shards_.store(s, std::memory_order::release);  // (1) pairs with (2): its words are initialised
  return s;
}

/// Makes a vacant shard for a thread that only puts and found no shard.
template <class Config>
void core<Config>::make_spare_shard() noexcept {
  auto& registry = *this->registry_;
  if (env::table(registry).is_attaching) return;
  env::table(registry).is_attaching = true;
  shard_type* const spare = make_shard();
  env::table(registry).is_attaching = false;
  if (spare != nullptr) keep_vacant(spare);
}

/// The calling thread's shard, adopted or new. Returns: null if the thread can't have one: the
/// thread is ending or is attaching already, the pool is closed or bounded, there is no memory or,
/// for a put, no vacant shard.
template <class Config>
auto core<Config>::attach(bool may_allocate) noexcept -> shard_type* {
  const auto slot = this->slot_number_;
  if (slot == 0 || this->closed()) return nullptr;  // checked again below
  if (shard_type* const mine = find_shard()) return mine;
  auto& registry = *this->registry_;
  // A put looks for a vacant shard before anything is allocated.
  shard_type* s = find_vacant();
  if (s == nullptr && !may_allocate) {
    shard_wanted_.store(true, std::memory_order::relaxed);  // a hint
    return nullptr;
  }
  // The end of the thread is registered before there is a shard to leave. Registering may allocate,
  // and so may making the shard. If that asks this very pool, the request works on the depot
  // meanwhile.
  if (auto& table = env::table(registry); !table.is_attaching) {
    table.is_attaching = true;
    const bool alive = env::thread_is_alive(registry) && table.make_room(slot);
    if (alive && s == nullptr) s = make_shard();
    table.is_attaching = false;
    if (alive && s != nullptr) {
      registry.attach(slot);
      // A lock above may have moved a fiber to another thread. So the thread must be alive and have
      // no shard yet. No lock is taken from here to the entry.
      auto& own = env::table(registry);
      if (!this->closed() && own.state == thread_state::alive && own.entry(slot) == nullptr &&
          own.make_room(slot)) {
        s->seen_drains = drains_.load(std::memory_order::relaxed);  // the shard is empty anyway
        s->seen_ticks = upkeep_.ticks.load(std::memory_order::relaxed);
        s->seen_threads = 0;
        grants<Config>::fit(*this, s);
        env::set_entry(registry, slot, s);
        return s;
      }
      registry.detach(slot);
    }
  }
  if (s != nullptr) keep_vacant(s);
  return nullptr;
}

template <class Config>
void core<Config>::follow_orders() noexcept {
  if (this->registry_->has_orders()) this->registry_->follow_orders();
}

template <class Config>
void core<Config>::lock_all() noexcept {
  gate_.lock();
  front::lock(*this);
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    tiers_[t].lock.lock();
  shard_lock_.lock();
  own_.lock();
  this->observers().lock();
  waiting().lock();
}

template <class Config>
void core<Config>::unlock_all() noexcept {
  waiting().unlock();
  this->observers().unlock();
  own_.unlock();
  shard_lock_.unlock();
  for (std::uint32_t t = tier_count_; t-- != 0;)
    tiers_[t].lock.unlock();
  front::unlock(*this);
  gate_.unlock();
}

template <class Config>
void core<Config>::abandon_foreign_shards(void* own) noexcept {
  if (waiting().any()) waiting().forget(*this);
  front::forget_threads(*this);
  vacant_ = nullptr;  // made anew: a thread that is gone may have been about to take one
  for (auto* s = shards_.load(std::memory_order::relaxed); s != nullptr; s = s->next) {
    if (s == own) continue;
    s->next_vacant = vacant_;
    vacant_ = s;
    for (std::uint32_t t = 0; t != s->tiers; ++t) {
      auto& cache = s->cache_of(t);
      cache.end_change();
      const auto level = cache.level();  // the word only: the fork may have cut a put in half
      tiers_[t].home.count.abandoned += level;
      cache.moved_in(-static_cast<std::int64_t>(level));
    }
  }
  // The threads that grew or trimmed a tier are gone.
  slabs_.abandon();
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    tiers_[t].busy.store(0, std::memory_order::relaxed);  // one thread is left
    abandon_in_flight(tiers_[t]);
  }
}

/// Counts blocks as abandoned that were neither idle nor counted as in use: another thread was
/// about to destroy, park or hand them on. Only the counts show them; without counts these blocks
/// pass for blocks in use.
template <class Config>
void core<Config>::abandon_in_flight(tier_state& t) noexcept {
  if constexpr (Config::counts) {
    auto idle = t.home.home() + this->detained_of(t.home.shape.number);
    auto out = t.home.count.gets + t.counts.gets() - t.home.count.puts - t.counts.puts();
    for_each_cache(t, [&](const cache_type& c) {
      idle += c.level();
      out += static_cast<std::uint64_t>(c.moved.load(std::memory_order::relaxed)) - c.level();
    });
    idle += front::stacked_alone(*this, t, t.home.live() - min_of(t.home.live(), idle));
    t.home.count.abandoned += t.home.live() - idle - out;
    t.home.count_fresh(t.home.uncounted);
  }
}

}  // namespace tarn::detail
