// SPDX-License-Identifier: MIT
#pragma once

// Gets and puts of many blocks at once: one store, or one lock, for as many as the cache holds.

#include <utility>

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

template <class Config>
bool core<Config>::take_bulk(std::uint32_t tier, std::size_t size, void** blocks, std::size_t count,
                             where_type where) {
  std::size_t got = 0;
  while (got != count) {
    const auto n = front::pop_bulk(*this, tier, blocks + got, count - got);
    this->with_recorder([&](auto& recorder) {
      for (std::size_t i = 0; i != n; ++i)
        this->note_get(recorder, tier, blocks[got + i], size, where);
    });
    got += n;
    if (got == count) break;
    blocks[got] = take(tier, size, where).block;
    if (blocks[got] == nullptr) break;
    ++got;
  }
  if (got == count) return true;
  bounds<Config>::refuse(*this, tier, size);  // first: the reason is to be found as it is now
  for (std::size_t i = 0; i != got; ++i)
    give(tier, std::exchange(blocks[i], nullptr));
  return false;
}

template <class Config>
void core<Config>::give_bulk(std::uint32_t tier, void* const* blocks, std::size_t count) noexcept {
  auto given = front::give_bulk(*this, tier, blocks, count);
  while (given != count)
    give(tier, blocks[given++]);
}

}  // namespace tarn::detail
