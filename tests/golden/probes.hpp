// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace golden {

/// One operation of one pool, as a function that the compiler can't inline.
struct probe {
  const char* operation;  // raw_get, raw_put, or taken and dropped: handle, shared
  const char* lock;
  const char* stats;
  void* pool;
  void* (*get)(void* pool, std::size_t size);              // raw_get only
  void (*put)(void* pool, void* block, std::size_t size);  // all others; only raw_put needs a block

  [[nodiscard]] const void* entry() const noexcept {
    return get != nullptr ? reinterpret_cast<const void*>(get) : reinterpret_cast<const void*>(put);
  }
  void* run(void* block, std::size_t size) const {
    if (get != nullptr) return get(pool, size);
    put(pool, block, size);
    return nullptr;
  }
};

/// All probes; their pools are made on the first call.
struct probe_list {
  const probe* begin;
  std::size_t count;
};
[[nodiscard]] probe_list probes();

/// Brings `p`'s pool into a state in which the next call of `p` is a hit. Returns: the block for
/// the call.
[[nodiscard]] void* prepare(const probe& p);

inline constexpr std::size_t size = 100;

}  // namespace golden
