// SPDX-License-Identifier: MIT
#pragma once

// How a core begins, closes and ends.

#include <bit>
#include <utility>

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

static_assert(room_for(1) <= level_mask, "a full cache must fit its word");

template <class Config>
template <class SizeOf>
core<Config>::core(const core_settings& settings, std::uint32_t tiers, SizeOf&& size_of,
                   typename Config::source source)
    // The pool object and every tier keep the core. Tiers under no_lock settle like the others.
    : core_base<env>(tiers + (settings.node_bytes != 0 ? 2 : 1)),
      hot_place_(env::word_of(this->home_registry(), 0)),
      own_place_(env::word_of(this->home_registry(), 0)),
      named_tiers_(tiers),
      tier_count_(tiers + (settings.node_bytes != 0 ? 1 : 0)),
      tiers_(tier_count_, own_.memory()),
      settings_(settings),
      source_(std::move(source), settings.limit_bytes),
      directory_(static_cast<unsigned>(std::countr_zero(settings.slab_bytes)), own_.memory()) {
  if constexpr (core::samples) this->sampled().own = own_.memory();
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    auto& t = tiers_[i];
    auto& shape = t.home.shape;
    const bool is_named = i < tiers;
    shape.size = is_named ? size_of(i) : settings.node_bytes;
    const auto room = is_named ? checks_type::room_bytes : 0;
    shape.stride = align_up(max_of(stride_for(shape.size + room), settings.least_stride),
                            is_named ? settings.alignment : 1);
    shape.slab_bytes = shape.stride > settings.slab_bytes / 2 ? shape.stride : settings.slab_bytes;
    shape.number = i;
    shape.own = t.home.magazines.own = own_.memory();
    shape.rounds = t.home.magazines.rounds = rounds_for(shape.stride);
    shape.links = front::is_stack;
    checks_type::shape(shape);
    if (is_named) t.home.max_live = settings.capacity;
    if (is_named) front::prepare_bounds(t, settings);
    front::prepare(t);
    bound_to(t, is_named ? settings.max_ready : core_settings::no_limit);
  }
  front::prepare_all(*this);
}

template <class Config>
template <class Derived>
void* core<Config>::place_for(std::size_t bytes) {
  constexpr bool over_aligned = alignof(Derived) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;
  if constexpr (is_below_heap_v<typename Config::source>) {
    if (void* const pages = map_pages(bytes)) return pages;
    throw std::bad_alloc();
  }
  return over_aligned ? ::operator new(bytes, std::align_val_t{alignof(Derived)})
                      : ::operator new(bytes);
}
template <class Config>
template <class Derived>
void core<Config>::give_place(void* p, [[maybe_unused]] std::size_t bytes) noexcept {
  constexpr bool over_aligned = alignof(Derived) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;
  if constexpr (is_below_heap_v<typename Config::source>) return unmap_pages(p, bytes);
  over_aligned ? ::operator delete(p, std::align_val_t{alignof(Derived)}) : ::operator delete(p);
}

template <class Config>
void core<Config>::begin(typename front::entrance* entrance) noexcept {
  auto& registry = *this->registry_;
  env::prepare(registry);
  env::keep_functions_of(*this);
  const bool bounded = settings_.capacity != core_settings::no_limit;
  registry.enroll(*this, has_shards && !(front::has_shards && bounded));
  // relaxed: no other thread uses the core yet.
  own_place_.store(env::word_of(registry, this->slot_number_), std::memory_order::relaxed);
  entrance_ = entrance;
  set_hot_end(this->hot_end_.load(std::memory_order::relaxed));
}

template <class Config>
void core<Config>::leave_entrance() noexcept {
  this->observers_.ask([&](bool) { entrance_ = nullptr; });
}

template <class Config>
core<Config>::~core() {
  if constexpr (core::samples) this->sampled().end();  // it is a base, and own_ is a member
  for (auto* s = shards_.load(std::memory_order::relaxed); s != nullptr;) {  // no other thread left
    auto* const next = s->next;
    shard_type::destroy(s, room_of_tier(), own_.memory());
    s = next;
  }
  front::dismantle(*this);
}

/// To be called under the tier's lock, after blocks came home. Returns: the number of lives that
/// this ended.
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
  // relaxed: the order below publishes it. A thread that misses it puts into its own shard, whose
  // blocks are not home.
  own_place_.store(env::word_of(*this->registry_, 0), std::memory_order::relaxed);
  set_hot_end(this->hot_end_.load(std::memory_order::relaxed));
  this->end_detention();
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    auto& t = tiers_[i];
    const auto rest = locked(t.lock, [&] {
      t.home.closed = true;
      refit(t);
      return front::seal(*this, t);
    });
    front::give_home(*this, i, rest);
  }
  if constexpr (has_shards) {
    this->registry_->give_order(*this);
    follow_orders();
  }
  flush_all();
  waiting().call_all();
  std::uint32_t ended = 0;
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    evict(i, 0, evict_reason::closed);
    ended += locked(tiers_[i].lock, [&] { return settled(tiers_[i]); });
  }
  if (ended != 0) this->drop_life(ended);  // never the last: the pool object is still there
}

template <class Config>
bool core<Config>::contains(const void* p) const noexcept {
  return find_slab(p) != nullptr;
}

template <class Config>
void core<Config>::end() noexcept {
  this->registry_->retire(*this);
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    auto& home = tiers_[i].home;
    while (settings_.keeps_objects && home.ready() != 0)
      this->dispose(home.magazines.take());
    home.slabs.for_each([&](const slab_type& s) {
      if (s.parent == nullptr) source_.deallocate(s.base, s.bytes, settings_.slab_bytes);
    });
  }
  delete this;
}

}  // namespace tarn::detail
