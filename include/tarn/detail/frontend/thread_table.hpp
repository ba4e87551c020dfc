// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/system.hpp>

namespace tarn::detail {

/// The stage of a thread's life. It is kept apart from the janitor that changes it, because the
/// compiler may drop the stores of a destructor to a flag inside its own object.
enum class thread_state : std::uint8_t { unborn, alive, dead };

/// One more than the most pools of one module that can have per-thread shards at the same time;
/// slot 0 is never given out. Pools beyond that number work on their depots.
inline constexpr std::uint32_t max_slots = 8192;

/// Slots below this one have a place in each thread that the hit path reads at once. The others are
/// found out of line, some nanoseconds later. A shared library has few: it takes 64 bytes of the
/// room for fixed places, which is about 1.5 KB for all libraries that are loaded late.
inline constexpr std::uint16_t hot_slots_of_program = 128;
inline constexpr std::uint16_t hot_slots_of_library = 4;

/// One thread's shards of the pools of one module, by slot. Trivially destructible and
/// constant-initialised, so that the hit path needs no guard and a late destructor finds a valid,
/// empty table. Only the owner thread touches a table.
class thread_table {
 public:
  thread_state state = thread_state::unborn;
  /// The thread is attaching to a pool. If that allocates from a pool, the thread does not attach
  /// once more: the request works on the depot.
  bool is_attaching = false;
  /// The thread is telling observers of a pool something.
  bool is_telling = false;

  /// The shard of a slot, or null.
  [[nodiscard]] void* entry(std::uint32_t slot) const noexcept {
    if (slot < hot_) return places()[slot] != none_ ? places()[slot] : nullptr;
    return slot - hot_ < more_room_ ? more_[slot - hot_] : nullptr;
  }

  /// Makes room for an entry. Returns: false if the system refuses; nothing has changed then.
  [[nodiscard]] bool make_room(std::uint32_t slot) noexcept {
    if (slot < hot_ || slot - hot_ < more_room_) return true;
    std::uint32_t room = more_room_ != 0 ? 2 * more_room_ : first_room;
    while (slot - hot_ >= room)
      room *= 2;
    // From the system's pages where it has any: the heap may be a pool that is just being entered.
    void* const pages =
        has_mmap ? map_pages(room * sizeof(void*)) : (std::calloc)(room, sizeof(void*));
    if (pages == nullptr) return false;
    auto** const wider = static_cast<void**>(pages);
    for (std::uint32_t i = 0; i != more_room_; ++i)
      wider[i] = more_[i];
    drop_more();
    more_ = wider;
    more_room_ = static_cast<std::uint16_t>(room);
    return true;
  }

  /// Preconditions: there is room; `shard` is null or slot is not 0.
  void set(std::uint32_t slot, void* shard) noexcept {
    if (slot < hot_) {
      places()[slot] = shard != nullptr ? shard : none_;
    } else {
      more_[slot - hot_] = shard;
    }
    if (slot >= end_) end_ = static_cast<std::uint16_t>(slot + 1);
  }

  /// No slot from this one on has an entry.
  [[nodiscard]] std::uint32_t end() const noexcept { return end_; }

  /// The first slot above `slot` that has an entry; `end()` or more if no slot has one.
  [[nodiscard]] std::uint32_t next(std::uint32_t slot) const noexcept {
    do {
      ++slot;
    } while (slot < end_ && entry(slot) == nullptr);
    return slot;
  }

  /// Gives the memory back. Preconditions: every entry is null.
  void release() noexcept {
    drop_more();
    more_ = nullptr;
    more_room_ = 0;
    end_ = 0;
  }

  [[nodiscard]] std::uint32_t hot_slots() const noexcept { return hot_; }
  /// Where the hit path finds the entry of a slot below `hot_slots()`. It is the null shard if the
  /// thread has no shard there.
  [[nodiscard]] void* const* place_of(std::uint32_t slot) const noexcept { return places() + slot; }

 protected:
  constexpr thread_table(std::uint16_t hot_slots, void* none) noexcept
      : none_(none), hot_(hot_slots) {}
  ~thread_table() = default;

 private:
  static constexpr std::uint32_t first_room = 4096 / sizeof(void*);

  [[nodiscard]] inline void** places() noexcept;
  [[nodiscard]] inline void* const* places() const noexcept;
  void drop_more() noexcept {
    if (more_ == nullptr) return;
    has_mmap ? unmap_pages(more_, more_room_ * sizeof(void*)) : (std::free)(more_);
  }

  void* none_;  // stands where there is no shard
  std::uint16_t hot_;
  std::uint16_t end_ = 0;
  std::uint16_t more_room_ = 0;
  void** more_ = nullptr;  // entries of the slots from hot_ on

 public:
  /// The newest order of the registry that this thread has followed.
  std::uint64_t seen_orders = 0;
};

/// A table with its places. `none`: the null shard.
template <std::uint16_t Hot>
struct sized_thread_table : thread_table {
  constexpr explicit sized_thread_table(void* none) noexcept : thread_table(Hot, none) {
    for (auto& entry : hot_entries)
      entry = none;
  }
  void* hot_entries[Hot];
};

// Every table has places, and they lie at the same distance whatever their number is.
inline void** thread_table::places() noexcept {
  return static_cast<sized_thread_table<1>*>(this)->hot_entries;
}
inline void* const* thread_table::places() const noexcept {
  return static_cast<const sized_thread_table<1>*>(this)->hot_entries;
}

}  // namespace tarn::detail
