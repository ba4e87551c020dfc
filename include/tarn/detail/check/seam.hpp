// SPDX-License-Identifier: MIT
#pragma once

// The one place that knows what a check policy does to a block. Cores call it for every block that
// goes out or comes home, and never ask whether there is a check.

#include <cstddef>
#include <cstdint>

#include <tarn/detail/check/parts.hpp>
#include <tarn/detail/check/verify.hpp>
#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/depot/slab.hpp>

namespace tarn::detail {

/// The checks of a core. This one is for a core that trusts its callers: it does nothing.
template <class Config, bool = Config::checks>
class block_checks {
 public:
  static constexpr bool trusts = true;          // so a block may go past all of this
  static constexpr std::size_t kinds = 0;       // of misuse that are counted
  static constexpr std::size_t room_bytes = 0;  // behind the capacity of each block

  static void shape(tier_shape&) noexcept {}
  template <class Core, class... Put>
  [[nodiscard]] static bool admits(Core&, const Put&...) noexcept {
    return true;
  }
  template <class Core>
  static void report(Core&, misuse, const void*, std::size_t) noexcept {}
  template <class Core>
  static void mark_out(Core&, const void*) noexcept {}
  template <class Core>
  static void mark_home(Core&, const void*) noexcept {}
  template <class Core>
  static bool is_out(Core&, const void*) noexcept {
    return true;
  }
  template <class Core>
  static void on_get(Core&, void*, std::size_t, std::size_t, bool) noexcept {}
  template <class Core>
  static void on_put(Core&, void*, std::size_t, std::size_t) noexcept {}
  template <class Core>
  static void on_idle(Core&, void*, std::size_t, bool) noexcept {}
  template <class Core>
  static void on_get_large(Core&, void*, std::size_t, std::size_t, bool) noexcept {}
  template <class Core>
  static void on_idle_large(Core&, void*, std::size_t, bool) noexcept {}
  static void count(misuse) noexcept {}
  [[nodiscard]] static std::uint64_t read(std::size_t) noexcept { return 0; }
};

/// The checks of a core whose slabs have bits for them.
template <class Config>
class block_checks<Config, true> {
 public:
  using parts = parts_of<Config>;
  static constexpr bool trusts = false;
  static constexpr std::size_t kinds = misuse_count;
  static constexpr std::size_t room_bytes = parts::room_bytes;

  static void shape(tier_shape& of) noexcept {
    of.states = true;
    of.leaves = parts::watch_idle;
  }

  /// Whether a core takes a block that comes home, and reports what is wrong with it.
  template <class Core, class... Put>
  [[nodiscard]] static bool admits(Core& core, const Put&... put) noexcept {
    return core.admitted(put...);
  }
  template <class Core>
  static void report(Core& core, misuse kind, const void* block, std::size_t size) noexcept {
    core.report(kind, block, size);
  }

  /// Marks a block, or a node, as in use; null: there is none.
  template <class Core>
  static void mark_out(Core& core, const void* block) noexcept {
    if (auto* const s = core.find_slab(block)) static_cast<void>(s->enter(s->index_of(block)));
  }
  template <class Core>
  static void mark_home(Core& core, const void* block) noexcept {
    if (auto* const s = core.find_slab(block)) static_cast<void>(s->exit(s->index_of(block)));
  }
  /// False if `p` lies in a block that is not in use.
  template <class Core>
  [[nodiscard]] static bool is_out(Core& core, const void* p) noexcept {
    auto* const s = core.find_slab(p);
    return s == nullptr || s->is_out(s->index_of(p));
  }

  /// A block of a tier goes out. Its bytes are as they were found, or zero. `is_free`: the parts
  /// may write them.
  template <class Core>
  static void on_get(Core& core, void* block, std::size_t size, std::size_t capacity,
                     bool is_free) noexcept {
    auto* const s = core.find_slab(block);
    const auto index = s->index_of(block);
    static_cast<void>(s->enter(index));
    auto seen = view(block, size, capacity, is_free);
    if constexpr (parts::watch_idle) seen.is_left = s->end_left(index);
    look(core, seen);
  }
  /// A block that is known to be one comes home. Its bytes are the user's still.
  template <class Core>
  static void on_put(Core& core, void* block, std::size_t size, std::size_t capacity) noexcept {
    parts::on_put(view(block, size, capacity, false),
                  [&](misuse kind) noexcept { core.report(kind, block, size); });
  }
  /// Its bytes are no one's from here on. The next caller of the core may hand it out.
  template <class Core>
  static void on_idle(Core& core, void* block, std::size_t capacity, bool is_free) noexcept {
    parts::on_idle(view(block, capacity, capacity, is_free));
    if constexpr (parts::watch_idle) {
      auto* const s = core.find_slab(block);
      if (is_free) s->set_left(s->index_of(block));
    }
  }
  // The same for blocks of the source, which have no slab.
  template <class Core>
  static void on_get_large(Core& core, void* block, std::size_t size, std::size_t capacity,
                           bool is_free) noexcept {
    look(core, view(block, size, capacity, is_free));
  }
  template <class Core>
  static void on_idle_large(Core&, void* block, std::size_t capacity, bool is_free) noexcept {
    parts::on_idle(view(block, capacity, capacity, is_free));
  }

  void count(misuse kind) noexcept { counts_[static_cast<std::size_t>(kind)].add(1); }
  [[nodiscard]] std::uint64_t read(std::size_t kind) const noexcept { return counts_[kind].read(); }

 private:
  [[nodiscard]] static checked_block view(void* block, std::size_t size, std::size_t capacity,
                                          bool is_free) noexcept {
    checked_block b;
    b.bytes = static_cast<std::byte*>(block);
    b.size = size;
    b.capacity = capacity;
    b.room = b.bytes + capacity;
    b.is_free = is_free;
    return b;
  }
  template <class Core>
  static void look(Core& core, const checked_block& seen) noexcept {
    parts::on_get(seen, [&](misuse kind) noexcept { core.report(kind, seen.bytes, seen.size); });
  }

  shared_counter<typename Config::env> counts_[kinds];
};

}  // namespace tarn::detail
