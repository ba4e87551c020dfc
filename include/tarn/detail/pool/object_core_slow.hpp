// SPDX-License-Identifier: MIT
#pragma once

// What the hit path of an object pool leaves out: making objects, checks, containers that grew.

#include <tarn/detail/pool/object_core_held.hpp>

namespace tarn::detail {

template <class Config>
void object_core<Config>::give_by_hand(value_type* object) noexcept {
  if (checks_type::admits(*this, object)) give_admitted(object);
}

template <class Config>
bool object_core<Config>::admitted(const value_type* object) noexcept {
  misuse verdict = misuse::foreign;
  const bool good = admit(static_cast<base&>(*this), object, 0, verdict);
  const bool late = good && this->closed();
  if (late) verdict = misuse::after_close;
  if (!good || late) report(verdict, object, sizeof(value_type));
  return good;
}
template <class Config>
void object_core<Config>::report(misuse kind, const void* object, std::size_t size) noexcept {
  checks_.count(kind);
  Config::on_misuse(kind, name_.c_str(), object, size, this->sampled().site_of(object));
  this->observers_.tell({pool_event_kind::misuse, 0, size, static_cast<std::size_t>(kind),
                         const_cast<void*>(object)});  // observers only look at it
}
template <class Config>
void object_core<Config>::tell(pool_event_kind what, void* block) noexcept {
  this->observers_.tell({what, 0, sizeof(value_type), 0, block});
}
template <class Config>
bool object_core<Config>::give_watched(value_type* object) noexcept {
  tell(pool_event_kind::put, object);
  if (!wipes_) return false;
  if constexpr (!keeps) {
    dispose(object);
    checks_type::on_idle(*this, object, sizeof(value_type), false);
  } else {
    if constexpr (can_wipe<value_type>) wipe(*object);  // first: a reset may give memory back
    if (!restore(*object)) {
      tell(pool_event_kind::discard, object);
      dispose(object);
      this->give_empty(0, object);
      return true;
    }
  }
  if (!this->detain(*this, 0, object)) this->give(0, object);
  return true;
}
template <class Config>
void object_core<Config>::refuse_object() noexcept {
  bounds_type::refuse(*this, 0, sizeof(value_type));
}
template <class Config>
bool object_core<Config>::is_at_capacity() const noexcept {
  return bounds_type::failure(*this, 0, sizeof(value_type)) == refusal::capacity;
}

template <class Config>
auto object_core<Config>::take_kept_until(std::int64_t deadline, typename base::where_type where)
    -> value_type* {
  value_type* object = take_kept(where, false);
  if (object != nullptr) return object;
  const bool found = bounds_type::await(*this, 0, sizeof(value_type), deadline, [&](turn whose) {
    object = take_kept_in_turn(where, whose);
    return object != nullptr;
  });
  if (!found) refuse_object();
  return object;
}

template <class Config>
auto object_core<Config>::take_kept_in_turn(typename base::where_type where, turn whose)
    -> value_type* {
  const auto got = this->take_in_turn(0, sizeof(value_type), where, whose);
  mark_out(got.block);
  return take_cold(got, false, where);
}

template <class Config>
void object_core<Config>::make(std::uint32_t, [[maybe_unused]] void* block) {
  if constexpr (keeps) make_object(block);
}
template <class Config>
void object_core<Config>::unmake([[maybe_unused]] void* block) noexcept {
  if constexpr (keeps) dispose(block);
}
template <class Config>
void object_core<Config>::note_made([[maybe_unused]] void* block) noexcept {
  if constexpr (keeps) {
    constructed_.add(1);
    tell(pool_event_kind::create, block);
  }
}

template <class Config>
auto object_core<Config>::take_cold(const typename base::taken_type& got, bool last,
                                    typename base::where_type where) -> value_type* {
  if (got.block == nullptr) {
    if (last) refuse_object();
    return nullptr;
  }
  if (got.from == origin::ready) {
    tell_taken(got.block, false);
    return static_cast<value_type*>(got.block);
  }
  try {
    value_type* const made = make_object(got.block);
    constructed_.add(1);
    this->count_made(0, got, sizeof(value_type), where);
    tell_taken(got.block, true);
    return made;
  } catch (...) {
    checks_type::mark(*this, got.block, false);
    this->put_bare(0, got.block, got.from);
    throw;
  }
}

template <class Config>
bool object_core<Config>::shrink(value_type& object) noexcept {
  outgrown_.add(1);
  if constexpr (requires {
                  { object.shrink(keep_capacity_bytes_) } noexcept;
                }) {
    object.shrink(keep_capacity_bytes_);
    if constexpr (reserves<value_type> && has_capacity<value_type>) {
      if (object.capacity() < default_capacity_) return false;
    }
    return kept_bytes(object) <= keep_capacity_bytes_;
  } else if constexpr (lifecycle_type::makes_default &&
                       std::is_nothrow_default_constructible_v<value_type>) {
    if constexpr (reserves<value_type>) {
      if (default_capacity_ != 0) return false;  // a put allocates no memory
    }
    // Not by assignment: assigning a short string keeps the long string's memory.
    object.~value_type();
    ::new (static_cast<void*>(&object)) value_type();
    return true;
  } else {
    return false;
  }
}

}  // namespace tarn::detail
