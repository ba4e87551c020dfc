// SPDX-License-Identifier: MIT
#pragma once

// What the hit path of a byte pool leaves out: alignment, zeros, checks.

#include <bit>

#include <tarn/detail/pool/byte_core.hpp>
#include <tarn/detail/pool/byte_core_large.hpp>

namespace tarn::detail {

template <class Config>
std::uint32_t byte_core<Config>::tier_of(std::size_t size, std::size_t alignment) const noexcept {
  std::size_t tier = tiers_.tier_for(size);
  const std::size_t count = tiers_.count();
  if (tier < count && alignment > small_alignment) {
    if (alignment > this->settings().slab_bytes) return this->tiers();
    while (tier < count &&
           lowest_bit(this->shape_of(static_cast<std::uint32_t>(tier)).stride) < alignment) {
      ++tier;
    }
  }
  return static_cast<std::uint32_t>(tier < count ? tier : count);
}

template <class Config>
auto byte_core<Config>::take_cold(std::size_t size, std::size_t alignment, where_type where)
    -> sized_block {
  const auto got = take_told(size, alignment, where);
  if (got.block == nullptr) bounds_type::refuse(*this, tier_of(size, alignment), size);
  return got;
}

template <class Config>
void byte_core<Config>::make(std::uint32_t tier, void* block) noexcept {
  if (!this->settings().keeps_zeros) return;
  const auto stride = this->shape_of(tier).stride;
  checks_type::on_memory(block, stride);
  zero_memory(block, stride);
}

template <class Config>
auto byte_core<Config>::take_told(std::size_t size, std::size_t alignment, where_type where)
    -> sized_block {
  const auto tier = tier_of(size, alignment);
  if (tier == this->tiers()) return take_large(size, alignment, where);
  const auto got = this->take(tier, size, where);
  if (got.block == nullptr) return {};
  hand_out(got.block, got.from, tier, size);
  return {got.block, this->shape_of(tier).size};
}

template <class Config>
void byte_core<Config>::hand_out(void* block, origin from, std::uint32_t tier,
                                 std::size_t size) noexcept {
  const auto& shape = this->shape_of(tier);
  if (this->settings().keeps_zeros && from == origin::fresh) {
    zero_memory(block, shape.stride);  // all others were zeroed on their return
  }
  checks_type::on_get(*this, block, size, shape.size, is_free_out());
  if (zeroing_ == zeroing::on_get) zero_memory(block, size);
  if (from == origin::fresh) {
    this->observers_.tell({pool_event_kind::create, tier, shape.size, 0, block});
  }
  this->observers_.tell({pool_event_kind::get, tier, size, 0, block});
}

template <class Config>
template <class Use>
bool byte_core<Config>::take_many(std::size_t size, std::size_t count, where_type where,
                                  Use&& use) {
  if (take_many_unreported(size, count, where, use)) return true;
  bounds_type::refuse_many(*this, tier_of(size, small_alignment), size, count);
  return false;
}
template <class Config>
template <class Use>
bool byte_core<Config>::take_many_unreported(std::size_t size, std::size_t count, where_type where,
                                             Use&& use) {
  if (count == 0) return true;  // of any size, also where no block could be had
  if (size > max_size / count) return false;
  const auto tier = tier_of(size, small_alignment);
  if (tier == this->tiers()) return take_many_large(size, count, where, use);
  const auto capacity = this->shape_of(tier).size;
  // What is copied into the callables can't change, as far as the optimiser knows.
  if (is_hot(size)) {
    return this->take_bulk(
        tier, size, count, where,
        [use, capacity](std::size_t i, void* block, origin) { use(i, block, capacity); });
  }
  return this->take_bulk(tier, size, count, where, [&](std::size_t i, void* block, origin from) {
    hand_out(block, from, tier, size);
    use(i, block, capacity);
  });
}

template <class Config>
auto byte_core<Config>::take_with_node(std::size_t size, where_type where) -> block_with_node {
  block_with_node both;
  // The node first: it is small, and what it is for can't be had without it.
  held_blocks held;
  if (!this->search([&] { return bounds_type::hold(*this, node_tier(), &both.node, 1, held); })) {
    bounds_type::refuse_node(*this);
    both.node = nullptr;
    return both;
  }
  both.got = take_bytes(size, where, this->hot_place());
  if (both.got.block == nullptr) {
    this->put_held(node_tier(), &both.node, held);
    return both;
  }
  this->count_held(node_tier(), held);
  checks_type::mark(*this, both.node, true);
  return both;
}

template <class Config>
void byte_core<Config>::give_cold(void* block, std::size_t size, std::size_t alignment,
                                  std::size_t used, bool by_hand) noexcept {
  const auto tier = tier_of(size, alignment);
  if (!checks_type::admits(*this, block, size, alignment, tier, by_hand)) return;
  // Before the block is home: the core may end then.
  this->observers_.tell({pool_event_kind::put, tier, used < size ? used : size, 0, block});
  if (tier == this->tiers()) return give_large(block, size, alignment);
  const auto& shape = this->shape_of(tier);
  const auto stride = shape.stride;
  checks_type::on_put(*this, block, size, shape.size);
  if (zeroing_ == zeroing::on_put) zero_memory(block, stride);
  if (zeroing_ == zeroing::used_prefix) zero_used(block, min_of(used, stride), stride);
  if (zeroing_ == zeroing::secure) secure_zero(block, stride);
  checks_type::on_idle(*this, block, shape.size, is_free_idle());
  if (!this->detain(*this, tier, block)) this->give(tier, block);
}

template <class Config>
bool byte_core<Config>::admitted(void* block, std::size_t size, std::size_t alignment,
                                 std::uint32_t tier, bool by_hand) noexcept {
  if (!std::has_single_bit(alignment)) return report(misuse::wrong_size, block, size), false;
  misuse verdict = misuse::foreign;
  bool good = false;
  if (const auto extent = block != nullptr ? large_.extent_of(block) : 0; extent != 0) {
    good = tier == this->tiers() && size <= extent - checks_type::room_bytes;
    verdict = misuse::wrong_size;
  } else if (tier == this->tiers() && this->find_slab(block) != nullptr) {
    verdict = misuse::wrong_size;  // this is also the number of the nodes' tier
  } else {
    good = admit(static_cast<base&>(*this), block, tier, verdict);
    if (verdict == misuse::foreign && returned_.knows(block)) verdict = misuse::double_put;
  }
  if (good && (!by_hand || !this->closed())) return true;
  if (good) verdict = misuse::after_close;
  report(verdict, block, size);
  return good;
}

template <class Config>
void byte_core<Config>::report(misuse kind, const void* block, std::size_t size) noexcept {
  checks_.count(kind);
  Config::on_misuse(kind, name_.c_str(), block, size, this->sampled().site_of(block));
  this->observers_.tell({pool_event_kind::misuse, 0, size, static_cast<std::size_t>(kind),
                         const_cast<void*>(block)});  // observers only look at it
}

}  // namespace tarn::detail
