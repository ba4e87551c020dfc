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

/// Keeps no block out of reach: see `detention`.
struct no_detention {
  [[nodiscard]] static bool detain(const auto&...) noexcept { return false; }
  static void end_detention() noexcept {}
  static auto search(auto&& look) { return look(); }
  static unsigned detained_of(std::uint32_t) noexcept { return 0; }
};
/// No parts: see `check_parts`.
struct no_parts {
  template <class>
  using detention = no_detention;
  static constexpr std::size_t room_bytes = 0;
  static constexpr bool watch_idle = false;
  static void on_get(const auto&...) noexcept {}
  static void on_put(const auto&...) noexcept {}
  static void on_idle(const auto&...) noexcept {}
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

/// What keeps blocks of a core out of reach.
template <class Config>
using detention_of = typename parts_in<Config>::type::template detention<Config>;

/// The checks of a core. This one is for a core that trusts its callers: it does nothing.
template <class Config, bool = Config::checks>
class block_checks : public no_parts {
 public:
  static constexpr bool trusts = true;     // so a block may go past all of this
  static constexpr std::size_t kinds = 0;  // of misuse that are counted

  static void shape(const tier_shape&) noexcept {}
  [[nodiscard]] static bool admits(const auto&...) noexcept { return true; }
  [[nodiscard]] static bool is_out(const auto&...) noexcept { return true; }
  static void mark(const auto&...) noexcept {}
  static void report(const auto&...) noexcept {}
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
  [[nodiscard]] static bool admits(auto& core, const auto&... put) noexcept {
    return core.admitted(put...);
  }
  static void report(auto& core, misuse kind, const void* block, std::size_t size) noexcept {
    core.report(kind, block, size);
  }

  /// Marks a block, or a node, as in use or idle. Ignores null.
  static void mark(auto& core, const void* block, bool out) noexcept {
    if (auto* const s = core.find_slab(block)) {
      out ? s->enter(s->index_of(block)) : s->exit(s->index_of(block));
    }
  }
  /// False if `p` lies in a block that is not in use.
  [[nodiscard]] static bool is_out(auto& core, const void* p) noexcept {
    auto* const s = core.find_slab(p);
    return s == nullptr || s->is_out(s->index_of(p));
  }

  /// A block goes out. Its bytes are as they were found, or zero. `is_free`: the parts may write
  /// them. One above the last tier has no slab.
  static void on_get(auto& core, void* block, std::size_t size, std::size_t capacity,
                     bool is_free) noexcept {
    bool is_left = false;
    if (auto* const s = core.find_slab(block)) {
      s->enter(s->index_of(block));
      if constexpr (parts::watch_idle) is_left = s->end_left(s->index_of(block));
    }
    parts::on_get(core, block, size, capacity, is_free, is_left);
  }
  /// A block that is known to be one comes home. Its bytes are the user's still.
  static void on_put(auto& core, void* block, std::size_t size, std::size_t capacity) noexcept {
    parts::on_put(core, block, size, capacity);
  }
  /// Its bytes belong to the pool from here on. The next caller of the core may hand it out.
  static void on_idle(auto& core, void* block, std::size_t capacity, bool is_free) noexcept {
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
