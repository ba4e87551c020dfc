// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include <tarn/detail/compiler.hpp>

namespace tarn::detail {

/// Where a thread stands in its life; kept apart from the janitor that changes it, because a flag
/// inside an object with a destructor may be optimised away by that destructor.
enum class thread_state : std::uint8_t { unborn, alive, dead };

inline constexpr std::uint32_t slots_per_chunk = 128;
inline constexpr std::uint32_t slot_chunks = 64;
/// The most pools of one program that can have per-thread shards at the same time (slot 0 is
/// never given out). Pools beyond it work on their depots.
inline constexpr std::uint32_t max_slots = slots_per_chunk * slot_chunks;

/// A slot number, split so that the hit path needs no division: chunk in the low byte, entry above.
[[nodiscard]] constexpr std::uint32_t encode_slot(std::uint32_t number) noexcept {
  return number / slots_per_chunk | number % slots_per_chunk << 8;
}
static_assert(encode_slot(0) == 0);

/// What every chunk is until its thread first needs it: no entry, so the slow path is taken.
inline constexpr void* empty_chunk[slots_per_chunk] = {};

/// One thread's shards, by slot. Trivially destructible and constant-initialised, so that the hit
/// path needs no guard and a late destructor finds a valid, empty table.
///
/// Chunks never move. Only the owner thread touches a table.
class thread_table {
 public:
  constexpr thread_table() noexcept {
    for (auto& chunk : chunks_)
      chunk = empty_chunk;
  }

  /// The shard behind an encoded slot, or null.
  [[nodiscard]] void* entry(std::uint32_t slot) const noexcept {
    return chunks_[slot & 0xff][slot >> 8];
  }

  /// Makes room for `slot`. Returns: false if there is no memory; nothing has changed then.
  /// The first chunk lies in the table itself, so most programs never allocate here.
  [[nodiscard]] bool make_room(std::uint32_t slot, bool may_allocate) noexcept {
    auto& chunk = chunks_[slot & 0xff];
    if (chunk != empty_chunk) return true;
    if ((slot & 0xff) != 0 && !may_allocate) return false;
    void** const fresh =
        (slot & 0xff) == 0 ? first_ : new (std::nothrow) void* [slots_per_chunk] {};
    if (fresh == nullptr) return false;
    chunk = fresh;
    return true;
  }

  /// Preconditions: `make_room(slot)` returned true.
  void set(std::uint32_t slot, void* shard) noexcept {
    const_cast<void**>(chunks_[slot & 0xff])[slot >> 8] = shard;  // never `empty_chunk` here
  }

  /// Calls `action(encoded slot, shard)` for every entry until it returns true.
  template <class Action>
  bool find(Action&& action) const {
    for (std::uint32_t chunk = 0; chunk != slot_chunks; ++chunk) {
      if (chunks_[chunk] == empty_chunk) continue;
      for (std::uint32_t i = 0; i != slots_per_chunk; ++i) {
        void* const shard = chunks_[chunk][i];
        if (shard != nullptr && action(chunk | i << 8, shard)) return true;
      }
    }
    return false;
  }

  /// Gives the memory of the chunks back. Preconditions: every entry is null.
  void release() noexcept {
    for (auto& chunk : chunks_) {
      if (chunk != empty_chunk && chunk != first_) delete[] const_cast<void**>(chunk);
      chunk = empty_chunk;
    }
  }

  thread_state state = thread_state::unborn;
  /// The newest call to order of the registry that this thread has followed.
  std::uint64_t seen_orders = 0;

 private:
  void* const* chunks_[slot_chunks] = {};
  void* first_[slots_per_chunk] = {};
};

}  // namespace tarn::detail
