// SPDX-License-Identifier: MIT
#pragma once

// The lock-free shape: blocks as indices. An index is a slab's number and a block's place in it.

#include <bit>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/core/core.hpp>
#include <tarn/detail/events/tell_gone.hpp>

namespace tarn::detail {

template <class Config>
auto core<Config>::slab_by_number(tier_state& t, std::uint32_t number) const noexcept
    -> slab_type* {
  const auto row = cast_to<std::uint32_t>(std::bit_width(number / 64 + 1)) - 1;
  const auto first = 64 * ((std::uint32_t{1} << row) - 1);
  // (1) acquire, pairs with (2): the row is complete. Its entry is ordered by the index stack.
  return t.slabs[row].load(std::memory_order::acquire)[number - first];
}

template <class Config>
auto core<Config>::link_of(tier_state& t, std::uint32_t index) const noexcept ->
    typename index_stack<env>::link& {
  slab_type* const s = slab_by_number(t, index >> t.index_bits);
  return s->links[index & ((std::uint32_t{1} << t.index_bits) - 1)];
}

/// Bits for the place of a block in its slab, also in a carved slab. The rest of the 31 bits
/// numbers the slabs. Carved slabs included, they reach 4 GiB with blocks of 16 bytes, and 32 GiB
/// with blocks of 128 bytes.
template <class Config>
std::uint32_t core<Config>::index_bits_for(std::uint32_t tier) const noexcept {
  const auto& own = tiers_[tier].home.shape;
  auto most = own.slab_bytes / own.stride;
  for (std::uint32_t u = tier + 1; u < tier_count_; ++u) {
    const auto& larger = tiers_[u].home.shape;
    if (may_carve(larger.stride, own.slab_bytes)) most = max_of(most, larger.stride / own.stride);
  }
  return cast_to<std::uint32_t>(std::bit_width(most - 1));
}

/// Numbers a descriptor once and for all. Only the thread that grows the tier calls this.
template <class Config>
bool core<Config>::number_slab(tier_state& t, slab_type* s) noexcept {
  if (s->first_index != index_stack<env>::none) return true;  // it has a number already
  const auto number = t.slab_numbers;
  const auto row = cast_to<std::uint32_t>(std::bit_width(number / 64 + 1)) - 1;
  const auto first = 64 * ((std::uint32_t{1} << row) - 1);
  if ((std::uint64_t{number} + 1) << t.index_bits > index_stack<env>::none) return false;
  auto* slabs = t.slabs[row].load(std::memory_order::relaxed);  // only this thread writes it
  if (slabs == nullptr) {
    slabs = t.home.shape.own.template make_array<slab_type*>(std::size_t{64} << row);
    if (slabs == nullptr) return false;
    t.slabs[row].store(slabs, std::memory_order::release);  // (2) pairs with (1)
  }
  slabs[number - first] = s;
  s->first_index = number << t.index_bits;
  ++t.slab_numbers;
  return true;
}

template <class Config>
void* core<Config>::pop_index(tier_state& t) noexcept {
  void* const block = pop_uncounted(t);
  if (block != nullptr) t.counts.get();
  return block;
}

template <class Config>
void* core<Config>::pop_uncounted(tier_state& t) noexcept {
  const auto index = t.stack.pop([&](std::uint32_t i) -> auto& { return link_of(t, i); });
  if (index == index_stack<env>::none) return nullptr;
  if (t.is_bounded()) [[unlikely]]
    leave_stack(t);
  return block_at(t, index);
}

template <class Config>
void* core<Config>::block_at(tier_state& t, std::uint32_t index) const noexcept {
  slab_type* const s = slab_by_number(t, index >> t.index_bits);
  return s->block(index & ((std::uint32_t{1} << t.index_bits) - 1));
}

/// Counts a block into a bounded stack. Returns: false if it is one too many; it is not counted
/// then.
template <class Config>
bool core<Config>::enter_stack(tier_state& t) noexcept {
  // relaxed, here and in leave_stack: numbers that only bound how much is kept.
  const auto before = t.stacked.fetch_add(1, std::memory_order::relaxed);
  if (settings_.bounds_idle_bytes) moved_bytes(t, 1);
  auto idle = ready_bytes_.load(std::memory_order::relaxed);
  if (settings_.bounds_idle_bytes) idle += static_cast<std::int64_t>(idle_elsewhere());
  if (before < t.most_stacked.load(std::memory_order::relaxed) &&
      idle <=
          static_cast<std::int64_t>(min_of<std::uint64_t>(settings_.max_idle_bytes, INT64_MAX))) {
    return true;
  }
  leave_stack(t);
  return false;
}

template <class Config>
TARN_FORCE_INLINE void core<Config>::leave_stack(tier_state& t) noexcept {
  t.stacked.fetch_sub(1, std::memory_order::relaxed);
  if (settings_.bounds_idle_bytes) moved_bytes(t, -1);
}

/// Returns: false if the stack is closed or full. On true the block is home: the core may end.
template <class Config>
bool core<Config>::push_index(tier_state& t, void* block) noexcept {
  if (t.is_bounded() && !enter_stack(t)) [[unlikely]]
    return false;
  slab_type* const s = directory_.find_known(block);
  const auto index = s->first_index + s->index_of(block);
  return t.stack.push(index, index, [&](std::uint32_t i) -> auto& { return link_of(t, i); });
}

/// Takes all blocks off the stack except its upper `keep` blocks, which other threads can reach
/// again at once. Returns: the first index of a chain that belongs to the caller.
template <class Config>
std::uint32_t core<Config>::take_above(tier_state& t, std::uint64_t keep) noexcept {
  const auto link = [&](std::uint32_t i) -> auto& { return link_of(t, i); };
  // relaxed, in this whole function: the chain belongs to this thread.
  const auto first = t.stack.take_all(false);
  if (keep == 0 || first == index_stack<env>::none) return first;
  auto last = first;
  for (std::uint64_t kept = 1; kept != keep; ++kept) {
    const auto next = t.stack.index_in(link(last).load(std::memory_order::relaxed));
    if (next == index_stack<env>::none) break;
    last = next;
  }
  const auto doomed = t.stack.index_in(link(last).load(std::memory_order::relaxed));
  if (t.stack.push(first, last, link)) return doomed;
  link(last).store(doomed, std::memory_order::relaxed);
  return first;  // closed meanwhile: all go home
}

/// Takes the blocks above `keep` out of the stack and parks them. Under the lock, so that a getter
/// that misses meanwhile waits for it and finds the blocks that were kept.
template <class Config>
std::size_t core<Config>::evict_stack(std::uint32_t tier, std::uint64_t keep,
                                      evict_reason why) noexcept {
  auto& t = tiers_[tier];
  std::size_t blocks = 0;
  std::uint32_t ended = 0;
  slab_list<env> whole;
  const bool needs_care = settings_.keeps_objects || hears_of(this->observers_, why);
  auto doomed = index_stack<env>::none;
  const auto pop_doomed = [&] {
    void* const block = block_at(t, doomed);
    // relaxed: the chain belongs to this thread.
    doomed = t.stack.index_in(link_of(t, doomed).load(std::memory_order::relaxed));
    if (t.is_bounded()) leave_stack(t);
    ++blocks;
    return block;
  };
  {
    const guard<lock_type> hold(t.lock);
    doomed = take_above(t, keep);
    // At once if no object is to be destroyed: a getter of a pool at its capacity must find each
    // block in the stack or in its slab.
    while (!needs_care && doomed != index_stack<env>::none)
      park(t, pop_doomed(), whole, slabs_for(why));
    t.home.count.left(why, blocks);
    ended = settled(t);
  }
  release_slabs(tier, whole);
  while (doomed != index_stack<env>::none) {
    void* const block = pop_doomed();
    tell_gone(this->observers_, why, tier, t.home.shape.size, block);
    if (settings_.keeps_objects) this->dispose(block);
    locked(t.lock, [&] { t.home.count.left(why, 1); });
    park_home(tier, block, slabs_for(why));
  }
  if (ended != 0) this->drop_life(ended);  // never the last: the caller keeps the core
  return blocks;
}

}  // namespace tarn::detail
