// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <tarn/detail/system/system.hpp>

namespace tarn::detail {

/// Where a thread stands in its life; kept apart from the janitor that changes it, because a flag
/// inside an object with a destructor may be optimised away by that destructor.
enum class thread_state : std::uint8_t { unborn, alive, dead };

/// One more than the most pools of one program that can have per-thread shards at the same time;
/// slot 0 is never given out. Pools beyond it work on their depots.
inline constexpr std::uint32_t max_slots = 8192;

/// The table of every thread that has no shard yet: null entries only, so the slow path is taken.
/// Never written; not const, because then 64 KiB of zeros would lie in every program's file.
inline constinit void* no_entries[max_slots] = {};

/// One thread's shards, by slot. Trivially destructible and constant-initialised, so that the hit
/// path needs no guard and a late destructor finds a valid, empty table.
///
/// A table has room for all slots from the start, so the hit path asks neither for its size nor for
/// a part of it. Its pages are the system's, where it has any, not the heap's, and only those that
/// are touched cost memory: one for the first 511 pools. Only the owner thread touches a table.
class thread_table {
 public:
  /// The shard behind a slot, or null.
  [[nodiscard]] void* entry(std::uint32_t slot) const noexcept { return entries_[slot]; }

  /// Makes the table. Returns: false if the system refuses; nothing has changed then.
  [[nodiscard]] bool make_room() noexcept {
    if (entries_ != no_entries) return true;
    void* const pages = has_mmap ? map_pages(bytes) : std::calloc(1, bytes);
    if (pages == nullptr) return false;
    entries_ = static_cast<void**>(pages);
    return true;
  }

  /// Preconditions: `make_room` returned true.
  void set(std::uint32_t slot, void* shard) noexcept {
    entries_[slot] = shard;
    if (slot >= end_) end_ = slot + 1;
  }

  /// Calls `action(slot, shard)` for every entry until it returns true.
  template <class Action>
  bool find(Action&& action) const {
    for (std::uint32_t slot = 1; slot < end_; ++slot) {
      if (entries_[slot] != nullptr && action(slot, entries_[slot])) return true;
    }
    return false;
  }

  /// Gives the memory back. Preconditions: every entry is null.
  void release() noexcept {
    if (entries_ != no_entries) has_mmap ? unmap_pages(entries_, bytes) : std::free(entries_);
    entries_ = no_entries;
    end_ = 0;
  }

  thread_state state = thread_state::unborn;
  /// The thread is telling watchers of a pool something.
  bool is_telling = false;
  /// The newest call to order of the registry that this thread has followed.
  std::uint64_t seen_orders = 0;

 private:
  static constexpr std::size_t bytes = max_slots * sizeof(void*);

  void** entries_ = no_entries;
  std::uint32_t end_ = 0;  // no entry from here on
};

}  // namespace tarn::detail
