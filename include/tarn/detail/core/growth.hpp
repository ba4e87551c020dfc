// SPDX-License-Identifier: MIT
#pragma once

// How a core gets memory: from larger idle blocks or from the source.

#include <bit>

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// Grows a tier. Only one thread at a time does so for a tier.
template <class Config>
auto core<Config>::grow(tier_state& t, bool counted, memory_returned& to) -> acquired_type {
  const auto tier = t.home.shape.number;
  magazine_list<env> magazines;
  slab_type* fresh = obtain_slab(tier, magazines, to);
  acquired_type got;
  {
    const guard<lock_type> hold(t.lock);
    if (fresh != nullptr && !t.home.closed) {
      t.home.add(fresh, magazines);
      if (fresh->parent != nullptr) ++t.home.carved_slabs;
      fresh = nullptr;
      to.grew = true;
    }
    got = take_locked(t, counted);
  }
  if (fresh != nullptr) {  // closed meanwhile
    magazines.destroy_all(t.home.shape.rounds, t.home.shape.own);
    directory_.set(fresh->base, fresh->bytes, fresh->parent);
    return_memory(fresh->base, fresh->bytes, fresh->parent, to);
    locked(t.lock, [&] { t.home.slabs.push_spare(fresh); });
  }
  return got;
}

/// A slab for `tier`, not yet added, and the magazines that its blocks can need.
template <class Config>
auto core<Config>::obtain_slab(std::uint32_t tier, magazine_list<env>& magazines,
                               memory_returned& to) -> slab_type* {
  slab_type* parent = nullptr;
  std::size_t bytes = tiers_[tier].home.shape.slab_bytes;
  void* memory = obtain_larger(tier, bytes, parent);
  if (memory == nullptr) memory = ask_source(bytes, to);
  if (memory == nullptr) return nullptr;
  slab_type* const made = describe(tier, memory, bytes, parent, magazines);
  if (made == nullptr) return_memory(memory, bytes, parent, to);
  return made;
}

/// Whether a block of `stride` bytes may be carved for a slab of `bytes`.
template <class Config>
bool core<Config>::may_carve(std::size_t stride, std::size_t bytes) const noexcept {
  // The block must cover whole units of the directory: a unit has only one entry.
  return stride % settings_.slab_bytes == 0 && stride >= bytes && stride / most_carved <= bytes;
}

/// Takes an idle block of a larger tier. It leaves that tier until all its pieces are home again.
template <class Config>
void* core<Config>::obtain_larger(std::uint32_t tier, std::size_t& bytes,
                                  slab_type*& parent) noexcept {
  // With exact capacities, a tier that lent a block would have one too many when it comes back.
  if (settings_.capacity != core_settings::no_limit) return nullptr;
  for (std::uint32_t u = tier + 1; u < tier_count_; ++u) {
    auto& larger = tiers_[u];
    const std::size_t stride = larger.home.shape.stride;
    if (!may_carve(stride, bytes)) continue;
    void* block = nullptr;
    bool fresh = false;
    {
      const guard<lock_type> hold(larger.lock);
      if (larger.home.closed) break;
      // Otherwise two sizes in turns would carve and reunite the same block for ever.
      if (larger.home.carve_misses >= most_carve_misses) continue;
      block = front::take_to_carve(*this, larger);
      if (block == nullptr) {
        const auto got = larger.home.take();
        if (got.block != nullptr && got.from == origin::ready) moved_bytes(larger, -1);
        fresh = got.from == origin::fresh;
        block = got.block;
      }
      if (block == nullptr) continue;
      ++larger.home.count.retired;
      ++larger.home.count.recarved;
      ++larger.home.carved_out;
    }
    // Pieces are zeroed as they are handed out. A piece that never is comes back as a part of the
    // block, so it must be zero already.
    checks_type::on_memory(block, stride);
    if (fresh && settings_.keeps_zeros) zero_memory(block, stride);
    parent = directory_.find(block);
    parent->forget_left(block);
    bytes = stride;
    return block;
  }
  return nullptr;
}

/// Gets memory for a slab from the source, within the limit. Returns: null if it gets none.
template <class Config>
void* core<Config>::ask_source(std::size_t bytes, memory_returned& to) {
  void* const memory = source_.allocate(bytes, settings_.slab_bytes);
  if (memory != nullptr) {
    source_bytes_.fetch_add(bytes, std::memory_order::relaxed);  // a statistic
  } else if (source_.has_room_for(bytes)) {
    to.to_source = true;  // the bytes that it was asked for, see metered_source::allocate
  }
  return memory;
}

template <class Config>
auto core<Config>::describe(std::uint32_t tier, void* memory, std::size_t bytes, slab_type* parent,
                            magazine_list<env>& magazines) noexcept -> slab_type* {
  auto& t = tiers_[tier];
  const auto& shape = t.home.shape;
  const auto blocks = slab_type::blocks_in(bytes, shape);
  std::uint32_t wanted = 0;
  slab_type* made = locked(t.lock, [&] {
    wanted = front::magazines_for(t, blocks);
    return t.home.slabs.pop_spare(blocks);
  });
  if (made == nullptr) made = slab_type::make(blocks, shape);
  bool complete =
      made != nullptr && directory_.make_room(memory, bytes) && front::adopt_slab(*this, t, made);
  for (; complete && wanted != 0; --wanted) {
    auto* const m = magazine<env>::make(shape.rounds, shape.own);
    complete = m != nullptr;
    if (complete) magazines.push(m);
  }
  if (complete) {
    made->describe(static_cast<std::byte*>(memory), bytes, shape, parent);
    directory_.set(memory, bytes, made);
    return made;
  }
  magazines.destroy_all(shape.rounds, shape.own);
  if (made != nullptr) locked(t.lock, [&] { t.home.slabs.push_spare(made); });
  return nullptr;
}

/// Under the lock, after a miss. Reunites less and less often where it does not help: a block stays
/// carved while one of its pieces is in use.
template <class Config>
bool core<Config>::is_to_reunite(tier_state& t) noexcept {
  if (t.home.carved_out == 0) return false;
  const auto missed = ++t.home.carve_misses;
  return missed <= most_carve_misses || std::has_single_bit(missed);
}

/// Collects the pieces of carved blocks of `tier`, which may all be idle by now. Whole slabs that
/// were not carved out of a larger block stay where they are.
template <class Config>
void core<Config>::reunite(std::uint32_t tier) noexcept {
  for (std::uint32_t v = 0; v != tier; ++v) {
    const bool carved = locked(tiers_[v].lock, [&] { return tiers_[v].home.carved_slabs != 0; });
    if (!carved) continue;
    flush(v);
    evict(v, 0, evict_reason::reunited);
  }
}

template <class Config>
void core<Config>::stop_being_busy(tier_state& t) noexcept {
  // Under the lock, because other threads decide under it whether to wait. release: pairs with the
  // wait.
  locked(t.lock, [&] { t.busy.store(0, std::memory_order::release); });
  env::notify_all(t.busy);
}

}  // namespace tarn::detail
