// SPDX-License-Identifier: MIT
#pragma once

// The one place that knows what a check policy does to a block. Cores call it for every block that
// goes out or comes home, and never ask whether there is a check.

#include <cstddef>
#include <cstdint>

#include <tarn/detail/check/verify.hpp>
#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/depot/slab.hpp>

namespace tarn::detail {

/// No parts: see `check_parts`.
struct no_parts {
  static constexpr std::size_t room_bytes = 0;
  static constexpr bool watch_idle = false;
  template <class... Seen>
  static void on_get(const Seen&...) noexcept {}
  template <class... Seen>
  static void on_put(const Seen&...) noexcept {}
  template <class... Seen>
  static void on_idle(const Seen&...) noexcept {}
  static void on_memory(void*, std::size_t) noexcept {}
};
/// The parts that a policy or a configuration names; none if it names none.
template <class Named>
struct parts_in {
  using type = no_parts;
};
template <class Named>
  requires requires { typename Named::parts; }
struct parts_in<Named> {
  using type = typename Named::parts;
};

/// The checks of a core. This one is for a core that trusts its callers: it does nothing.
template <class Config, bool = Config::checks>
class block_checks : public no_parts {
 public:
  static constexpr bool trusts = true;     // so a block may go past all of this
  static constexpr std::size_t kinds = 0;  // of misuse that are counted

  static void shape(const tier_shape&) noexcept {}
  template <class... Put>
  [[nodiscard]] static bool admits(const Put&...) noexcept {
    return true;
  }
  template <class... Asked>
  [[nodiscard]] static bool is_out(const Asked&...) noexcept {
    return true;
  }
  template <class... Seen>
  static void mark(const Seen&...) noexcept {}
  template <class... Found>
  static void report(const Found&...) noexcept {}
  static void count(misuse) noexcept {}
  [[nodiscard]] static std::uint64_t read(std::size_t) noexcept { return 0; }
};

/// The checks of a core whose slabs have bits for them.
template <class Config>
class block_checks<Config, true> {
 public:
  using parts = typename parts_in<Config>::type;
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

  /// Marks a block, or a node, as in use or idle. Ignores null.
  template <class Core>
  static void mark(Core& core, const void* block, bool out) noexcept {
    if (auto* const s = core.find_slab(block)) {
      static_cast<void>(out ? s->enter(s->index_of(block)) : s->exit(s->index_of(block)));
    }
  }
  /// False if `p` lies in a block that is not in use.
  template <class Core>
  [[nodiscard]] static bool is_out(Core& core, const void* p) noexcept {
    auto* const s = core.find_slab(p);
    return s == nullptr || s->is_out(s->index_of(p));
  }

  /// A block goes out. Its bytes are as they were found, or zero. `is_free`: the parts may write
  /// them. One above the last tier has no slab.
  template <class Core>
  static void on_get(Core& core, void* block, std::size_t size, std::size_t capacity,
                     bool is_free) noexcept {
    bool is_left = false;
    if (auto* const s = core.find_slab(block)) {
      static_cast<void>(s->enter(s->index_of(block)));
      if constexpr (parts::watch_idle) is_left = s->end_left(s->index_of(block));
    }
    parts::on_get(core, block, size, capacity, is_free, is_left);
  }
  /// A block that is known to be one comes home. Its bytes are the user's still.
  template <class Core>
  static void on_put(Core& core, void* block, std::size_t size, std::size_t capacity) noexcept {
    parts::on_put(core, block, size, capacity);
  }
  /// Its bytes belong to the pool from here on. The next caller of the core may hand it out.
  template <class Core>
  static void on_idle(Core& core, void* block, std::size_t capacity, bool is_free) noexcept {
    parts::on_idle(block, capacity, is_free);
    if constexpr (parts::watch_idle) {
      auto* const s = is_free ? core.find_slab(block) : nullptr;
      if (s != nullptr) s->set_left(s->index_of(block));
    }
  }

  /// Memory of idle blocks is about to be cut anew, or to go back to the source.
  static void on_memory(void* first, std::size_t n) noexcept { parts::on_memory(first, n); }

  void count(misuse kind) noexcept { counts_[static_cast<std::size_t>(kind)].add(1); }
  [[nodiscard]] std::uint64_t read(std::size_t kind) const noexcept { return counts_[kind].read(); }

 private:
  shared_counter<typename Config::env> counts_[kinds];
};

}  // namespace tarn::detail
