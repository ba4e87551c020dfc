// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/frontend/registry.hpp>
#include <tarn/detail/frontend/shard.hpp>
#include <tarn/detail/frontend/thread_table.hpp>
#include <tarn/detail/system/processors.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/detail/system/thread_word.hpp>
#include <tarn/detail/system/waiting.hpp>

namespace tarn::detail {

/// How the registry of one module reaches the tables that threads keep for that module. The
/// functions belong to that module, so that any other module, which has tables and a registry of
/// its own, finds the right ones. No optimiser looks through such a call, so no address is kept
/// while a fiber moves.
struct native_module {
  /// The calling thread's table.
  thread_table& (*table)() noexcept = nullptr;
  /// See `native_env::thread_is_alive`.
  bool (*join)() noexcept = nullptr;
  /// See `native_env::word_of`.
  thread_word (*word_of)(std::uint32_t slot) noexcept = nullptr;
  /// See `native_env::prepare`.
  void (*prepare)() noexcept = nullptr;
};

/// The real environment: real atomics, real threads. A model checker has an environment of its own
/// with the same names and runs the same headers.
struct native_env {
  template <class T>
  using atomic = std::atomic<T>;
  /// A plain cell that is guarded by a lock or owned by a thread.
  template <class T>
  using cell = T;
  using mutex = system_mutex;
  using module_type = native_module;
  using registry_type = detail::registry<native_env>;

  /// The registry of the module that this code is in. Calls for a core go to the registry of that
  /// core, which may be another one.
  [[nodiscard]] static registry_type& registry() noexcept;
  /// The calling thread's table for `r`. Not to be kept across a call that may run user code.
  [[nodiscard]] static thread_table& table(registry_type& r) noexcept { return r.module.table(); }
  /// Makes sure that the thread leaves its shards when it ends. Returns: false if it has ended. May
  /// allocate.
  [[nodiscard]] static bool thread_is_alive(registry_type& r) noexcept { return r.module.join(); }
  /// The word by which the hit path finds the calling thread's shard of `slot`; the same in all
  /// threads and modules. For slot 0, and for slots kept out of line, it finds the null shard.
  [[nodiscard]] static thread_word word_of(registry_type& r, std::uint32_t slot) noexcept {
    return r.module.word_of(slot);
  }
  [[nodiscard]] TARN_FORCE_INLINE static void* entry(thread_word word) noexcept {
    return thread_word_at(word);
  }
  /// Changes the calling thread's entry for `slot`.
  static void set_entry(registry_type& r, std::uint32_t slot, void* shard) noexcept {
    table(r).set(slot, shard);
    stored_thread_word();
  }
  /// To be called before the first core of a registry: registers fork handlers and keeps the module
  /// loaded.
  static void prepare(registry_type& r) noexcept { r.module.prepare(); }
  /// Keeps the shared library that has the virtual functions of `object` loaded, if this code is
  /// part of one: they are called as long as there are blocks.
  template <class Object>
  static void keep_functions_of([[maybe_unused]] const Object& object) noexcept {
    if constexpr (for_library) {
      static std::atomic<const void*> kept{nullptr};
      const void* const functions = *reinterpret_cast<const void* const*>(&object);
      // relaxed: at worst it is kept twice.
      if (kept.exchange(functions, std::memory_order::relaxed) != functions) keep_module(functions);
    }
  }

  /// Waits until `cell` may differ from `old`.
  static void wait(const atomic<std::uint32_t>& cell, std::uint32_t old) noexcept {
    detail::wait_while(cell, old);
  }
  static void notify_all(atomic<std::uint32_t>& cell) noexcept { wake_waiters(cell); }

  /// Waits a moment for another thread; `turn` counts the calls of one wait. It spins for a
  /// microsecond, then gives the rest of the time slice away: the other thread may not be running.
  /// At last it sleeps: a thread of a lower real-time priority would get no time slice otherwise.
  static void pause(unsigned turn) noexcept {
    turn < 64 ? cpu_pause() : turn < 1000 ? yield_thread() : sleep_briefly();
  }

  /// Sleeps while `cell` is `old`, until a wake or the deadline; may wake early. Returns: whether
  /// there is time left. A cell is either for `wait_until` and the wakes or for `wait` and
  /// `notify_all`: they don't mix.
  [[nodiscard]] static bool wait_until(const atomic<std::uint32_t>& cell, std::uint32_t old,
                                       std::int64_t deadline) noexcept {
    return detail::wait_until(cell, old, deadline);
  }
  static void wake_one(const atomic<std::uint32_t>& cell) noexcept { wake(cell, 1); }
  static void wake_all(const atomic<std::uint32_t>& cell) noexcept { wake(cell, INT32_MAX); }

  /// Nanoseconds on a steady clock.
  [[nodiscard]] static std::int64_t now() noexcept { return steady_nanoseconds(); }
  /// A number of the calling thread that no other thread has at the same time.
  [[nodiscard]] static std::uintptr_t thread() noexcept { return thread_pointer(); }
  /// The processor that the thread runs on now, or another number that mostly differs between
  /// threads that run at the same time; and how many there may be.
  [[nodiscard]] static std::uint32_t processor() noexcept { return current_processor(); }
  [[nodiscard]] static std::uint32_t processors() noexcept { return possible_processors(); }
  /// Orders that the registry remembers one by one. A thread that slept through more visits all its
  /// shards, as many as a program has pools.
  static constexpr std::uint64_t orders_kept = 64;
  // As many threads may lose their processors inside a stripe before a pool is as slow as one lock.
  static constexpr std::uint32_t least_stripes = 64;
  /// A number that mostly differs between threads that run at the same time.
  [[nodiscard]] static std::size_t stripe() noexcept {
    return thread() >> 12;  // thread stacks are pages apart
  }
};

/// Never destroyed: late destructors of other objects may still need it.
union immortal_registry {
  constexpr immortal_registry(const native_module& m, slot_record<native_env>* records) noexcept
      : value(m, records) {}
  ~immortal_registry() {}
  registry<native_env> value;
};

/// The state of one module: the registry of the cores that it makes, and its threads' tables.
///
/// Other modules of the program have their own, whatever the visibility of symbols, the compiler,
/// and how they were loaded. A core belongs to the module that made it, and carries its registry.
template <bool ForLibrary>
struct [[TARN_MODULE_LOCAL]] module_state {
  static constexpr std::uint16_t hot_slots =
      ForLibrary ? hot_slots_of_library : hot_slots_of_program;

  // In read-only memory; no hit writes to it.
  static inline constinit const null_shard<native_env> none;
  [[TARN_FIXED_PLACE]] static inline constinit thread_local sized_thread_table<hot_slots> table{
      const_cast<null_shard<native_env>*>(&none)};
  static inline constinit slot_record<native_env> records[max_slots] = {};
  static immortal_registry the_registry;

  [[nodiscard]] TARN_COLD static thread_table& this_thread() noexcept { return table; }

  /// Leaves the thread's shards when the thread ends.
  struct janitor {
    janitor() noexcept {
      the_registry.value.thread_begins();
      table.state = thread_state::alive;
    }
    ~janitor() {
      table.state = thread_state::dead;
      the_registry.value.thread_ends();
    }
    janitor(const janitor&) = delete;
    janitor& operator=(const janitor&) = delete;
  };

  [[nodiscard]] TARN_COLD static bool join() noexcept {
    if (table.state == thread_state::unborn) {
      [[TARN_FIXED_PLACE]] static thread_local const janitor at_exit;
      static_cast<void>(at_exit);
    }
    return table.state == thread_state::alive;
  }

  [[nodiscard]] TARN_COLD static void* get(std::uint32_t slot) noexcept {
    return *table.place_of(slot);
  }
  [[nodiscard]] TARN_COLD static thread_word word_of(std::uint32_t slot) noexcept {
    if (slot >= hot_slots) slot = 0;  // slot 0 is never set
    if constexpr (has_fixed_places) {
      return reinterpret_cast<std::uintptr_t>(table.place_of(slot)) - thread_pointer();
    } else {
      return reinterpret_cast<thread_word>(&getters.of[slot]);
    }
  }
  /// One getter for each hot slot.
  struct getter_list {
    constexpr getter_list() noexcept {
      for (std::uint32_t i = 0; i != hot_slots; ++i)
        of[i] = {&get, i};
    }
    thread_getter of[hot_slots];
  };
  static constexpr getter_list getters{};

  /// Also called when a module that makes pools is loaded.
  TARN_AT_LOAD TARN_COLD static void watch_forks() noexcept {
    static const bool watching = register_fork_handlers(
        [] { the_registry.value.before_fork(); }, [] { the_registry.value.after_fork_in_parent(); },
        [] { the_registry.value.after_fork_in_child(); });
    static_cast<void>(watching);
  }
  TARN_COLD static void prepare() noexcept {
    watch_forks();
    if constexpr (ForLibrary) {
      static const bool is_kept = (keep_module(&the_registry), true);
      static_cast<void>(is_kept);
    }
  }
};

template <bool ForLibrary>
inline constinit immortal_registry module_state<ForLibrary>::the_registry{
    {&module_state::this_thread, &module_state::join, &module_state::word_of,
     &module_state::prepare},
    module_state::records};

inline registry<native_env>& native_env::registry() noexcept {
  return module_state<for_library>::the_registry.value;
}

/// Keeps the shared library that the caller's code is part of loaded, if it is part of one: another
/// module is about to get a pointer to one of its functions.
template <bool ForLibrary = for_library>
[[TARN_MODULE_LOCAL]] inline void keep_this_module() noexcept {
  if constexpr (ForLibrary) module_state<true>::prepare();
}

}  // namespace tarn::detail
