// SPDX-License-Identifier: MIT
#pragma once

// Blocks of a byte pool above the last tier, within the bounds of the pool.

#include <tarn/detail/pool/byte_core.hpp>

namespace tarn::detail {

template <class Config>
std::size_t byte_core<Config>::extent_for(std::size_t size) const noexcept {
  const auto tier = tiers_.tier_for(size);
  const auto bytes = tier < tiers_.count() ? tiers_.size_of(tier) : size;
  return bytes + min_of(checks_type::room_bytes, core_settings::no_limit - bytes);
}

template <class Config>
std::size_t byte_core<Config>::size_of_block(const void* block) const noexcept {
  const auto* const s = this->find_slab(block);
  if (s != nullptr) return this->shape_of(s->tier).size;
  const auto extent = large_.extent_of(block);
  return extent - min_of(checks_type::room_bytes, extent);
}

template <class Config>
auto byte_core<Config>::take_large(std::size_t size, std::size_t alignment, where_type where,
                                   turn whose) -> sized_block {
  std::int64_t began = 0;
  if constexpr (byte_core::samples) began = base::env::now();
  const auto got = hold_large(size, alignment, Config::counts, whose);
  if (got.block == nullptr) return {};
  hand_out_large(got, size, where, began);
  return {got.block, got.capacity - checks_type::room_bytes};
}

/// Takes a block. It counts as a get if `counts`. `hand_out_large` follows, or
/// `large_blocks::put_back`.
template <class Config>
auto byte_core<Config>::hold_large(std::size_t size, std::size_t alignment, bool counts, turn whose)
    -> held_block {
  if (size > max_size || this->closed()) return {};
  if (this->is_overtaking(bounds_type::no_tier, whose) || !this->may_grow(whose)) return {};
  const auto wanted = large_alignment(alignment);
  const auto ask = [&] { return large_.take(extent_for(size), wanted, counts, this->source()); };
  auto got = ask();
  // Idle memory goes only where that can help: live blocks may leave too little of the limit.
  if (got.block == nullptr && extent_for(size) > this->source().limit() - large_.live_bytes()) {
    return {};
  }
  if (got.block == nullptr) this->reclaim(), got = ask();
  for (unsigned turns = 0; got.block == nullptr && whose == turn::none &&
                           bounds_type::recall(*this, bounds_type::no_tier, turns);)
    got = ask();
  // If the source refused: see metered_source::allocate.
  if (got.block == nullptr && this->source().has_room_for(extent_for(size)))
    this->waiting().call(this->waiting().no_line);
  return got;
}

template <class Config>
void byte_core<Config>::hand_out_large(const held_block& got, std::size_t size, where_type where,
                                       std::int64_t began) noexcept {
  this->on_oversize(size);
  this->pin();  // the pool object is there; the block keeps the core from now on
  this->sampled().remember(got.block, size, 1, where, began);
  const auto capacity = got.capacity - checks_type::room_bytes;
  checks_type::on_get(*this, got.block, size, capacity, is_free_out());
  if (zeroing_ != zeroing::none) zero_memory(got.block, capacity);
  this->observers_.tell({pool_event_kind::oversize, this->tiers(), size, 0, got.block, where});
  this->observers_.tell({pool_event_kind::get, this->tiers(), size, 0, got.block});
}

template <class Config>
template <class Use>
bool byte_core<Config>::take_many_large(std::size_t size, std::size_t count, where_type where,
                                        Use&& use) {
  const auto bytes = extent_for(size);
  std::size_t held = 0;
  held_block* list = nullptr;
  // Idle memory goes only where that can help.
  if (bytes <= (this->source().limit() - large_.live_bytes()) / count) {
    list = this->own().template make_array<held_block>(count);
    while (list != nullptr && held != count) {
      list[held] = hold_large(size, small_alignment, false);
      if (list[held].block == nullptr) break;
      ++held;
    }
  }
  const bool all = list != nullptr && held == count;
  for (std::size_t i = 0; all && i != count; ++i) {
    if constexpr (Config::counts) large_.count_get(list[i]);
    hand_out_large(list[i], size, where);
    use(i, list[i].block, list[i].capacity - checks_type::room_bytes);
  }
  while (!all && held-- != 0)
    large_.put_back(list[held], large_alignment(small_alignment), this->source());
  if (!all) this->waiting().call(bounds_type::no_tier);
  this->own().destroy_array(list, count);
  return all;
}

template <class Config>
void byte_core<Config>::give_large(void* block, std::size_t size, std::size_t alignment) noexcept {
  const auto extent = large_.tracks() ? large_.extent_of(block) : extent_for(size);
  if (extent > checks_type::room_bytes) {  // 0 if another thread put it since it was checked
    checks_type::on_put(*this, block, size, extent - checks_type::room_bytes);
  }
  this->sampled().forget(block);
  returned_.note(block);  // before another thread can have it
  if (zeroing_ == zeroing::secure) secure_zero(block, extent);
  if (large_.keeps() && extent > checks_type::room_bytes) {
    checks_type::on_idle(*this, block, extent - checks_type::room_bytes, is_free_idle());
  }
  const auto wanted = large_alignment(alignment);
  if (large_.give(block, extent, wanted, Config::counts, this->source())) {
    if (!large_.keeps()) upkeep<typename Config::mechanism>::note_returned(*this, extent);
    keep_bound();
    this->waiting().call(bounds_type::no_tier);  // the block may be kept for the next get
    this->drop_life();
  } else {  // another thread put it since it was checked
    checks_type::report(*this, misuse::double_put, block, size);
  }
}

/// Trims the large cache to what the depots leave of `max_bytes`.
template <class Config>
void byte_core<Config>::keep_bound() noexcept {
  if (const auto kept = idle_elsewhere(); kept != 0) {
    const auto over = bounds_type::idle_above_bound(*this);
    if (over != 0) static_cast<void>(large_.trim(kept - min_of(kept, over), this->source()));
  }
}

template <class Config>
std::size_t byte_core<Config>::idle_elsewhere() const noexcept {
  return this->settings().bounds_idle_bytes && large_.keeps() ? large_.numbers().kept_bytes : 0;
}

}  // namespace tarn::detail
