// SPDX-License-Identifier: MIT
#pragma once

// Gets and puts of many blocks at once: one store, or one lock, for as many as the cache holds.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/core/held.hpp>

namespace tarn::detail {

/// An array of pointers that lies on the stack if it is short.
class pointer_list {
 public:
  pointer_list(std::size_t count, const own_memory& own) noexcept : own_(own), count_(count) {
    if (count > short_count) first_ = own.template make_array<void*>(count);
  }
  pointer_list(const pointer_list&) = delete;
  pointer_list& operator=(const pointer_list&) = delete;
  ~pointer_list() {
    if (first_ != short_) own_.destroy_array(first_, count_);
  }

  /// Null if there is no memory.
  [[nodiscard]] void** first() const noexcept { return first_; }

 private:
  static constexpr std::size_t short_count = 256;  // two kilobytes of stack

  own_memory own_;
  std::size_t count_;
  void* short_[short_count];
  void** first_ = short_;
};

template <class Config>
bool core<Config>::pop_bulk(std::uint32_t tier, std::size_t size, void** blocks, std::size_t count,
                            where_type where) {
  if (!front::pop_bulk(*this, tier, blocks, count)) return false;
  note_held(tier, size, blocks, count, where);
  return true;
}

template <class Config>
template <class Use>
bool core<Config>::take_bulk(std::uint32_t tier, std::size_t size, std::size_t count,
                             where_type where, Use&& use) {
  const pointer_list list(count, own());
  void** const blocks = list.first();
  held_blocks held;
  if (blocks != nullptr && front::pop_bulk(*this, tier, blocks, count)) {
    held.ready = count;
  } else if (blocks == nullptr || !this->search([&] {
               return bounds<Config>::hold(*this, tier, blocks, count, held, true);
             })) {
    return false;
  }
  note_held(tier, size, blocks, count, where);
  for (std::size_t i = 0; i != count; ++i)
    use(i, blocks[i], held.origin_of(i));
  return true;
}

template <class Config>
void core<Config>::give_bulk(std::uint32_t tier, void* const* blocks, std::size_t count) noexcept {
  auto given = front::give_bulk(*this, tier, blocks, count);
  while (given != count)
    give(tier, blocks[given++]);
}

}  // namespace tarn::detail
