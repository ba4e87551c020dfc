// SPDX-License-Identifier: MIT
#pragma once

// Gets of an object pool in which user code may throw before the get counts.

#include <tarn/detail/pool/object_core.hpp>

namespace tarn::detail {

template <class Config>
auto object_core<Config>::make_object(void* block) -> value_type* {
  value_type* const made = lifecycle_.make(block);
  if constexpr (reserves<value_type>) {
    if (default_capacity_ == 0) return made;
    try {
      made->reserve(default_capacity_);
    } catch (...) {
      dispose(made);
      throw;
    }
  }
  return made;
}

template <class Config>
template <class Adapt>
auto object_core<Config>::take_adapted(typename base::where_type where, Adapt&& adapt)
    -> value_type* {
  const auto began = this->begin_get();
  void* block = nullptr;
  held_blocks held;
  const auto hold = [&] { return bounds_type::hold(*this, 0, &block, 1, held); };
  if (!this->search(hold)) return refuse_object(), nullptr;
  value_type* object = held.ready != 0 ? static_cast<value_type*>(block) : nullptr;
  try {
    if (object == nullptr) object = make_object(block);
    adapt(*object);
  } catch (...) {
    bool lost = true;
    if (held.ready == 0) {
      if (object != nullptr) dispose(object);
    } else if (restore(*object)) {  // it may have changed before it threw
      lost = false;
    } else {
      tell(pool_event_kind::discard, object);
      dispose(object);
    }
    put_unwanted(block, held, lost);
    throw;
  }
  mark_out(block);
  constructed_.add(held.bare());
  this->count_held(0, held);
  this->note_held(0, sizeof(value_type), &block, 1, where, began);
  if (!is_unwatched()) tell_taken(block, held.ready == 0);
  return object;
}

template <class Config>
template <class Build>
auto object_core<Config>::build_block(typename base::where_type where, Build&& build, turn whose)
    -> value_type* {
  const auto began = this->begin_get();
  void* block = nullptr;
  held_blocks held;
  const auto hold = [&] { return bounds_type::hold(*this, 0, &block, 1, held, false, whose); };
  if (!this->search(hold)) return nullptr;
  mark_out(block);
  value_type* object = nullptr;
  try {
    object = build(block);
  } catch (...) {
    checks_type::mark(*this, block, false);
    wipe_block(block);
    put_unwanted(block, held, false);
    throw;
  }
  this->count_held(0, held);
  this->note_held(0, sizeof(value_type), &block, 1, where, began);
  if (!is_unwatched()) tell_taken(block, held.fresh != 0);
  return object;
}

template <class Config>
template <class Build>
auto object_core<Config>::build_block_until(std::int64_t deadline, typename base::where_type where,
                                            Build&& build) -> value_type* {
  value_type* object = build_block(where, build);
  if (object != nullptr) return object;
  const bool found = bounds_type::await(*this, 0, sizeof(value_type), deadline, [&](turn whose) {
    object = build_block(where, build, whose);
    return object != nullptr;
  });
  if (!found) refuse_object();
  return object;
}

template <class Config>
void object_core<Config>::put_unwanted(void* block, const held_blocks& held, bool lost) noexcept {
  if (held.ready != 0 && lost) return this->park_home(0, block);
  this->put_held(0, &block, held);
}

template <class Config>
template <class Use>
bool object_core<Config>::take_many(std::size_t count, typename base::where_type where, Use&& use) {
  const pointer_list list(count, this->own());
  void** const blocks = list.first();
  held_blocks held;
  if (blocks == nullptr ||
      !this->search([&] { return bounds_type::hold(*this, 0, blocks, count, held); })) {
    bounds_type::refuse_many(*this, 0, sizeof(value_type), count);
    return false;
  }
  auto made = held.ready;
  try {
    for (; made != count; ++made)
      static_cast<void>(make_object(blocks[made]));
  } catch (...) {
    while (made-- != held.ready)
      dispose(blocks[made]);
    this->put_held(0, blocks, held);
    throw;
  }
  constructed_.add(held.bare());
  this->count_held(0, held);
  this->note_held(0, sizeof(value_type), blocks, count, where);
  for (std::size_t i = 0; i != count; ++i) {
    mark_out(blocks[i]);
    if (!is_unwatched()) tell_taken(blocks[i], i >= held.ready);
  }
  for (std::size_t i = 0; i != count; ++i)
    use(i, static_cast<value_type*>(blocks[i]));
  return true;
}

}  // namespace tarn::detail
