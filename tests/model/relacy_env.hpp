// SPDX-License-Identifier: MIT
//
// The world of Relacy, with the names of detail::native_env: the shipped headers run in it
// unchanged. Simulated threads are fibers of one thread, so thread_local data is kept here by the
// number of the simulated thread.

#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tarn/detail/depot/index_stack.hpp>
#include <tarn/detail/frontend/lock_free_front.hpp>
#include <tarn/detail/frontend/registry.hpp>
#include <tarn/detail/frontend/shard.hpp>
#include <tarn/detail/frontend/thread_table.hpp>
#include <tarn/detail/pool/any_core.hpp>

// After all other includes: it redefines names of the standard library by macro.
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef assert
#undef malloc
#undef free

// Relacy replaces the plain forms, inline: they must exist for the library's other forms, too.
[[gnu::used]] static void* (*const keep_new)(std::size_t) = &::operator new;
[[gnu::used]] static void (*const keep_delete)(void*) noexcept = &::operator delete;

// Over-aligned objects (cores, shards) are checked as well.
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  auto* const raw = static_cast<std::byte*>(::operator new(size + align + sizeof(void*)));
  const auto least = reinterpret_cast<std::uintptr_t>(raw) + sizeof(void*);
  auto* const made = raw + sizeof(void*) + ((least + align - 1) / align * align - least);
  std::memcpy(made - sizeof(void*), &raw, sizeof(void*));
  return made;
}
void operator delete(void* p, std::align_val_t) noexcept {
  if (p == nullptr) return;
  void* raw = nullptr;
  std::memcpy(&raw, static_cast<std::byte*>(p) - sizeof(void*), sizeof(void*));
  ::operator delete(raw);
}

namespace model {

inline constexpr unsigned most_threads = 4;

/// The fault of a control; `sound` has no fault.
struct sound {
  static constexpr std::memory_order weaken(std::memory_order order) { return order; }
  template <class T>
  static constexpr T stored(T value) {
    return value;
  }
  /// Whether a strong exchange of a `T` succeeds only if the old value is the expected one.
  template <class T>
  static constexpr bool compares = true;
  static constexpr bool registry_locks = true;
  static constexpr bool notifies = true;
  static constexpr bool wakes = true;
};

[[nodiscard]] constexpr rl::memory_order order_of(std::memory_order order) {
  switch (order) {
    case std::memory_order::relaxed:
      return rl::mo_relaxed;
    case std::memory_order::consume:
      return rl::mo_consume;
    case std::memory_order::acquire:
      return rl::mo_acquire;
    case std::memory_order::release:
      return rl::mo_release;
    case std::memory_order::acq_rel:
      return rl::mo_acq_rel;
    default:
      return rl::mo_seq_cst;
  }
}

/// std::atomic on top of rl::atomic. Default arguments capture the call site, for histories.
template <class T, class Faults>
class atomic {
  using order = std::memory_order;
  /// Relacy knows no pointers to const.
  using raw =
      std::conditional_t<std::is_pointer_v<T>,
                         std::add_pointer_t<std::remove_const_t<std::remove_pointer_t<T>>>, T>;

 public:
  constexpr atomic() : value_(raw()) {}
  constexpr atomic(T value) : value_(to_raw(value)) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(order o, const char* f = __builtin_FUNCTION(), const char* file = __builtin_FILE(),
         unsigned line = __builtin_LINE()) const {
    return value_.load(order_of(Faults::weaken(o)), rl::debug_info(f, file, line));
  }
  void store(T value, order o, const char* f = __builtin_FUNCTION(),
             const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    value_.store(to_raw(Faults::stored(value)), order_of(Faults::weaken(o)),
                 rl::debug_info(f, file, line));
  }
  T exchange(T value, order o, const char* f = __builtin_FUNCTION(),
             const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return value_.exchange(to_raw(value), order_of(Faults::weaken(o)),
                           rl::debug_info(f, file, line));
  }
  T fetch_add(T value, order o, const char* f = __builtin_FUNCTION(),
              const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return value_.fetch_add(value, order_of(Faults::weaken(o)), rl::debug_info(f, file, line));
  }
  T fetch_sub(T value, order o, const char* f = __builtin_FUNCTION(),
              const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return value_.fetch_sub(value, order_of(Faults::weaken(o)), rl::debug_info(f, file, line));
  }
  T fetch_or(T value, order o, const char* f = __builtin_FUNCTION(),
             const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return value_.fetch_or(value, order_of(Faults::weaken(o)), rl::debug_info(f, file, line));
  }
  T fetch_and(T value, order o, const char* f = __builtin_FUNCTION(),
              const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return value_.fetch_and(value, order_of(Faults::weaken(o)), rl::debug_info(f, file, line));
  }
  bool compare_exchange_weak(T& old, T value, order o, order failure,
                             const char* f = __builtin_FUNCTION(),
                             const char* file = __builtin_FILE(),
                             unsigned line = __builtin_LINE()) {
    const rl::debug_info here(f, file, line);
    raw expected = to_raw(old);
    const bool done = value_.compare_exchange_weak(expected, to_raw(Faults::stored(value)),
                                                   order_of(Faults::weaken(o)), here,
                                                   order_of(Faults::weaken(failure)), here);
    old = expected;
    return done;
  }
  bool compare_exchange_strong(T& old, T value, order o, order failure,
                               const char* f = __builtin_FUNCTION(),
                               const char* file = __builtin_FILE(),
                               unsigned line = __builtin_LINE()) {
    const rl::debug_info here(f, file, line);
    if (!Faults::template compares<T>) return store(value, o, f, file, line), true;
    raw expected = to_raw(old);
    const bool done = value_.compare_exchange_strong(expected, to_raw(Faults::stored(value)),
                                                     order_of(Faults::weaken(o)), here,
                                                     order_of(Faults::weaken(failure)), here);
    old = expected;
    return done;
  }

 private:
  static constexpr raw to_raw(T value) {
    if constexpr (std::is_pointer_v<T>)
      return const_cast<raw>(value);
    else
      return value;
  }
  mutable rl::atomic<raw> value_;
};

/// A plain cell whose races are found.
template <class T>
class var {
 public:
  constexpr var() : value_(T()) {}
  constexpr var(T value) : value_(value) {}
  var(const var&) = delete;
  var& operator=(const var& from) { return *this = static_cast<T>(from); }
  var& operator=(T value) {
    value_(RL_INFO).store(value);
    return *this;
  }
  operator T() const { return value_(RL_INFO).load(); }

 private:
  mutable rl::var<T> value_;
};

class mutex {
 public:
  void lock(const char* f = __builtin_FUNCTION(), const char* file = __builtin_FILE(),
            unsigned line = __builtin_LINE()) {
    value_.lock(rl::debug_info(f, file, line));
  }
  bool try_lock(const char* f = __builtin_FUNCTION(), const char* file = __builtin_FILE(),
                unsigned line = __builtin_LINE()) {
    return value_.try_lock(rl::debug_info(f, file, line));
  }
  void unlock(const char* f = __builtin_FUNCTION(), const char* file = __builtin_FILE(),
              unsigned line = __builtin_LINE()) {
    value_.unlock(rl::debug_info(f, file, line));
  }

 private:
  rl::mutex value_;
};

struct no_mutex {
  static void lock() {}
  static void unlock() {}
};

template <class Env>
struct world {
  tarn::detail::slot_record<Env> records[tarn::detail::max_slots] = {};
  tarn::detail::registry<Env> registry{{}, records};
  tarn::detail::null_shard<Env, 4> none;  // most of the time of a schedule goes into making atomics
  tarn::detail::sized_thread_table<4> tables[most_threads];
  /// Behind wait and notify_all: a forgotten notification is found as a deadlock.
  rl::mutex waiting;
  rl::condition_variable changed;
  /// Behind wait_until and its wakes. One for all cells: a model waits for one cell only.
  rl::condition_variable woken;

  world() : world(std::make_index_sequence<most_threads>()) {}
  template <std::size_t... I>
  explicit world(std::index_sequence<I...>)
      : tables{tarn::detail::sized_thread_table<4>((static_cast<void>(I), &none))...} {
    waiting.lock(RL_INFO), waiting.unlock(RL_INFO);
  }
};

template <class Faults = sound>
struct relacy_env {
  template <class T>
  using atomic = model::atomic<T, Faults>;
  template <class T>
  using cell = model::var<T>;
  using mutex = std::conditional_t<Faults::registry_locks, model::mutex, no_mutex>;

  /// 16 units of 64 KiB: enough for a model, and few enough entries to construct for each schedule.
  static constexpr unsigned directory_address_bits = 20;
  static constexpr unsigned directory_node_bits = 1;
  static constexpr bool caches_begin_with_room = true;
  /// So few that they are soon reused, and that a third sample finds no slot.
  static constexpr std::size_t sample_slots = 2;

  struct module_type {};
  using registry_type = tarn::detail::registry<relacy_env>;
  static tarn::detail::thread_table& table(registry_type&) {
    return here->tables[acting >= 0 ? static_cast<unsigned>(acting) : rl::thread_index()];
  }
  static tarn::detail::registry<relacy_env>& registry() { return here->registry; }
  /// A word is a slot: few slots are hot here, so that some are not.
  static std::uintptr_t word_of(registry_type& r, std::uint32_t slot) {
    return slot < table(r).hot_slots() ? slot : 0;
  }
  static void* entry(std::uintptr_t word) {
    return *table(registry()).place_of(static_cast<std::uint32_t>(word));
  }
  static void set_entry(registry_type& r, std::uint32_t slot, void* shard) {
    table(r).set(slot, shard);
  }
  static std::uintptr_t thread() { return reinterpret_cast<std::uintptr_t>(&table(registry())); }
  static bool thread_is_alive(registry_type& r) {
    auto& t = table(r);
    if (t.state == tarn::detail::thread_state::unborn) {
      t.state = tarn::detail::thread_state::alive;
      here->registry.thread_begins();
    }
    return t.state == tarn::detail::thread_state::alive;
  }
  static void prepare(registry_type&) {}
  template <class Object>
  static void keep_functions_of(const Object&) {}

  static void wait(const atomic<std::uint32_t>& cell, std::uint32_t old) {
    here->waiting.lock(RL_INFO);
    while (cell.load(std::memory_order::acquire) == old)
      here->changed.wait(here->waiting, RL_INFO);
    here->waiting.unlock(RL_INFO);
  }
  static void notify_all(atomic<std::uint32_t>&) {
    if (!Faults::notifies) return;
    here->waiting.lock(RL_INFO);
    here->changed.notify_all(RL_INFO);
    here->waiting.unlock(RL_INFO);
  }
  static void pause(unsigned) { rl::yield(1, RL_INFO); }
  /// Without a deadline a wait ends by a wake, which must not be forgotten; with a deadline, at any
  /// moment.
  static bool wait_until(const atomic<std::uint32_t>& cell, std::uint32_t old,
                         std::int64_t deadline) {
    bool in_time = true;
    here->waiting.lock(RL_INFO);
    if (cell.load(std::memory_order::relaxed) == old) {
      if (deadline == INT64_MAX) {
        here->woken.wait(here->waiting, RL_INFO);
      } else {
        in_time = here->woken.wait_for(here->waiting, 0, RL_INFO);
      }
    }
    here->waiting.unlock(RL_INFO);
    return in_time;
  }
  static void wake_one(const atomic<std::uint32_t>&) {
    if (!Faults::wakes) return;
    here->waiting.lock(RL_INFO);
    here->woken.notify_one(RL_INFO);
    here->waiting.unlock(RL_INFO);
  }
  static void wake_all(const atomic<std::uint32_t>&) {
    if (!Faults::wakes) return;
    here->waiting.lock(RL_INFO);
    here->woken.notify_all(RL_INFO);
    here->waiting.unlock(RL_INFO);
  }
  static std::int64_t now() { return 0; }
  static std::size_t stripe() { return rl::thread_index(); }
  // Two processors; the third thread shares that of the first.
  static std::uint32_t processor() { return rl::thread_index() % 2; }
  static std::uint32_t processors() { return 2; }
  static constexpr std::uint32_t least_stripes = 2;
  // So few that threads miss some.
  static constexpr std::uint64_t orders_kept = 2;

  // Members that only a model needs.

  /// Each schedule has its own world.
  static void begin() {
    acting = -1;
    here = ::new world<relacy_env>;
  }
  static void finish() {
    delete here;
    here = nullptr;
  }
  /// The calling simulated thread ends, as the janitor sees it.
  static void end_thread() {
    auto& t = table(registry());
    if (t.state != tarn::detail::thread_state::alive) return;
    t.state = tarn::detail::thread_state::dead;
    here->registry.thread_ends();
  }
  /// Runs `action` as if simulated thread `thread` called it; only before the threads begin.
  template <class Action>
  static void act_as(unsigned thread, Action&& action) {
    acting = static_cast<int>(thread);
    action();
    acting = -1;
  }

  static inline world<relacy_env>* here = nullptr;
  static inline int acting = -1;
};

/// Memory that is only numbers: the core never looks into a block, so there are no bytes. Knows
/// which thread holds which block, and finds blocks that are given out twice, taken back twice or
/// never returned.
class memory {
 public:
  static constexpr std::size_t unit = std::size_t{64} << 10;
  static constexpr std::size_t units = 15;  // address 0 is no address
  static constexpr std::size_t smallest_granule = std::size_t{2} << 10;
  static constexpr std::size_t most_granules = (units + 1) * unit / smallest_granule;

  /// No two blocks of the model begin in one granule. Each granule has a cell, so granules should
  /// be large.
  explicit memory(std::size_t granule = std::size_t{8} << 10)
      : granule_(granule), granules_((units + 1) * unit / granule) {}
  memory(const memory&) = delete;
  memory& operator=(const memory&) = delete;
  ~memory() {
    for (auto& c : contents_)
      RL_ASSERT(c == nullptr);  // every slab has gone back
  }

  /// The action of the user's source during a request: it may use any pool.
  void (*on_allocate)(void*) = nullptr;
  void* user = nullptr;

  void* allocate(std::size_t bytes) {
    if (on_allocate != nullptr) on_allocate(user);
    const auto count = (bytes + unit - 1) / unit;
    std::size_t first = 1;
    while (first + count <= units + 1 && !is_free(first, count))
      ++first;
    if (first + count > units + 1) return nullptr;
    for (std::size_t i = 0; i != count; ++i)
      taken_[first + i] = first;
    for (std::size_t g = first * unit / granule_; g != (first + count) * unit / granule_; ++g) {
      contents_[g] = ::new rl::var<int>(0);
      dropped_[g] = false;
    }
    bytes_ += bytes;
    most_bytes_ = std::max(most_bytes_, bytes_);
    return reinterpret_cast<void*>(first * unit);
  }

  void deallocate(void* p, std::size_t bytes) {
    const auto first = reinterpret_cast<std::uintptr_t>(p) / unit;
    for (std::size_t i = 0; i != (bytes + unit - 1) / unit; ++i) {
      RL_ASSERT(taken_[first + i] == first);  // else: given back twice
      taken_[first + i] = 0;
      for (std::size_t g = 0; g != unit / granule_; ++g) {
        const auto at = (first + i) * unit / granule_ + g;
        RL_ASSERT(owner_[at] == no_owner);  // else: a block that is in use is gone
        // As in a heap: the next user of the memory comes after the last one.
        (*contents_[at])(RL_INFO).store(-1);
        delete contents_[at];
        contents_[at] = nullptr;
      }
    }
    bytes_ -= bytes;
  }

  /// The calling thread got a block: no other thread has it, and earlier accesses to it are over.
  void hold(void* p) {
    const auto at = reinterpret_cast<std::uintptr_t>(p) / granule_;
    RL_ASSERT(at < granules_ && contents_[at] != nullptr);
    RL_ASSERT(owner_[at] == no_owner);  // else: one block, two owners
    owner_[at] = 0;
    dropped_[at] = false;
    (*contents_[at])(RL_INFO).store(1);
  }
  /// The calling thread is about to give a block back.
  void let_go(void* p) {
    const auto at = reinterpret_cast<std::uintptr_t>(p) / granule_;
    RL_ASSERT(contents_[at] != nullptr && owner_[at] != no_owner);
    (*contents_[at])(RL_INFO).store(2);
    owner_[at] = no_owner;
  }

  /// Pages are dropped, which writes to all bytes in them: no thread may hold a part of them.
  void drop(void* p, std::size_t bytes) {
    const auto first = reinterpret_cast<std::uintptr_t>(p) / granule_;
    const auto end = (reinterpret_cast<std::uintptr_t>(p) + bytes + granule_ - 1) / granule_;
    for (auto at = first; at != end; ++at) {
      RL_ASSERT(at < granules_ && contents_[at] != nullptr);
      RL_ASSERT(owner_[at] == no_owner);  // else: bytes that are in use are gone
      (*contents_[at])(RL_INFO).store(0);
      dropped_[at] = true;
    }
    ++drops_;
    dropped_bytes_ += bytes;
  }
  /// Whether the pages at `p` are dropped, and were not touched since.
  [[nodiscard]] bool is_dropped(const void* p) const {
    const auto at = reinterpret_cast<std::uintptr_t>(p) / granule_;
    return contents_[at] != nullptr && dropped_[at];
  }
  /// How often pages were dropped, and how many bytes.
  [[nodiscard]] std::size_t drops() const { return drops_; }
  [[nodiscard]] std::size_t dropped_bytes() const { return dropped_bytes_; }

  [[nodiscard]] std::size_t most_bytes() const { return most_bytes_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr int no_owner = -1;

  [[nodiscard]] bool is_free(std::size_t first, std::size_t count) const {
    return std::all_of(taken_ + first, taken_ + first + count, [](auto t) { return t == 0; });
  }

  struct owner {
    int number = no_owner;
    owner& operator=(int n) {
      number = n;
      return *this;
    }
    bool operator==(int n) const { return number == n; }
  };

  std::size_t granule_;
  std::size_t granules_;
  std::size_t taken_[units + 1] = {};
  rl::var<int>* contents_[most_granules] = {};
  owner owner_[most_granules];
  bool dropped_[most_granules] = {};
  std::size_t bytes_ = 0;
  std::size_t most_bytes_ = 0;
  std::size_t drops_ = 0;
  std::size_t dropped_bytes_ = 0;
};

/// The source of a model's core.
struct source {
  memory* from;
  void* allocate(std::size_t bytes, std::size_t) { return from->allocate(bytes); }
  void deallocate(void* p, std::size_t bytes, std::size_t) noexcept { from->deallocate(p, bytes); }
};

/// Statistics that are never read.
struct silent {
  static void on_get(std::uint32_t, std::size_t) {}
  static void on_put(std::uint32_t) {}
  static void on_oversize(std::size_t) {}
};

template <class Env, class Shape, bool Counts = false>
struct config {
  using env = Env;
  using lock = model::mutex;
  using shape = Shape;
  using source = model::source;
  using recorder = silent;
  using shared_recorder = silent;
  using samples = tarn::detail::no_samples;
  static constexpr bool is_shared = !Shape::has_shards;
  static constexpr bool counts = Counts;
  static constexpr bool times_waits = false;
  static constexpr bool checks = false;
};

/// A core of blocks of `Size` bytes in each tier, which reports its end.
template <class Config>
class core final : public tarn::detail::core<Config> {
 public:
  using base = tarn::detail::core<Config>;

  core(memory& from, int& ended, std::initializer_list<std::size_t> sizes,
       tarn::detail::core_settings settings = {})
      : base(
            with_room(settings), static_cast<std::uint32_t>(sizes.size()),
            [&](std::uint32_t i) { return sizes.begin()[i]; }, typename Config::source{&from}),
        memory_(from),
        ended_(ended) {
    this->begin();  // no class is derived from this one
  }

  /// A block, held by the caller; or null.
  [[nodiscard]] void* get(std::uint32_t tier = 0) {
    void* const block = this->take(tier, 1).block;
    if (block != nullptr) memory_.hold(block);
    return block;
  }
  void put(void* block, std::uint32_t tier = 0) {
    memory_.let_go(block);
    this->give(tier, block);
  }

 private:
  /// Caches with room for a few blocks: Relacy follows each place that may hold one.
  [[nodiscard]] static tarn::detail::core_settings with_room(tarn::detail::core_settings s) {
    if (s.shard_bytes == 0) s.shard_bytes = (std::size_t{128} << 10) + 1;
    return s;
  }
  ~core() override { ++ended_; }

  memory& memory_;
  int& ended_;
};

/// Relacy's exhaustive search, with one difference: for each freed block it would try both an early
/// reuse and none, which doubles the schedules each time. Here a freed block is never reused, so
/// any later use of it is found; the search at random does both.
template <rl::thread_id_t Threads>
struct exhaustive_scheduler : rl::context_bound_scheduler<Threads> {
  using rl::context_bound_scheduler<Threads>::context_bound_scheduler;
  unsigned rand(unsigned limit, rl::sched_type what) {
    if (what == rl::sched_type_mem_realloc) return 0;
    return rl::context_bound_scheduler<Threads>::rand(limit, what);
  }
};

/// The result of an exploration.
struct verdict {
  bool right = true;
  std::string text{};
};

/// Explores the schedules of one kind. Prints the history of the first faulty one to `out`.
template <class Test, template <rl::thread_id_t> class Scheduler>
void explore(verdict& v, std::ostream* out, rl::iteration_t schedules, unsigned bound) {
  using scheduler = Scheduler<Test::params::thread_count>;
  static std::ostream nowhere(nullptr);
  rl::test_params p;
  p.iteration_count = schedules;
  p.context_bound = bound;
  p.execution_depth_limit = 20'000;
  p.output_stream = out != nullptr ? out : &nowhere;
  p.progress_stream = &nowhere;
  p.search_type = bound == 0 ? rl::sched_random : rl::sched_bound;
  rl::ostringstream state;
  const auto result = rl::run_test<Test, scheduler>(p, state, false);
  v.text += "\n    " + (bound == 0 ? std::string("random")
                                   : "all with " + std::to_string(bound) + " switches");
  v.text += ": " + std::to_string(p.stop_iteration) + " schedules, " + rl::test_result_str(result);
  if (result == rl::test_result_success) return;
  v.right = false;
  if (out == nullptr) return;
  p.initial_state = state.str();  // again, with a history
  p.collect_history = true;
  static_cast<void>(rl::run_test<Test, scheduler>(p, state, true));
}

/// The context switches of a search that takes long with one more: the full run
/// (`cmake/run.sh trust`) makes that one.
#if defined(TARN_TEST_EVERY_POLICY)
constexpr unsigned or_one_more(unsigned switches) { return switches + 1; }
#else
constexpr unsigned or_one_more(unsigned switches) { return switches; }
#endif

/// Explores all schedules with at most `Bound` context switches (no exhaustive search if that is
/// 0), and `Schedules` at random.
template <class Test, unsigned Bound = 2, rl::iteration_t Schedules = 100'000>
verdict all_of(std::ostream* out) {
  verdict v;
  const auto begin = std::chrono::steady_clock::now();
  explore<Test, rl::random_scheduler>(v, out, Schedules, 0);
  if constexpr (Bound != 0) {
    if (v.right) explore<Test, exhaustive_scheduler>(v, out, 0, Bound);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  v.text += "\n    " + std::to_string(took.count()) + " s";
  return v;
}

/// One scenario that a program can explore.
struct scenario {
  const char* name;
  verdict (*run)(std::ostream*);
  bool is_control = false;
};

/// A control: a fault is planted, and must be found.
template <class Test, unsigned Bound = 1, rl::iteration_t Schedules = 100'000>
scenario control(const char* name) {
  return {name, all_of<Test, Bound, Schedules>, true};
}

/// Without an argument: all scenarios. With one argument: the control of that name; a second
/// argument shows the history of the fault. Returns: the exit code. A control whose fault is not
/// found is a failure.
inline int run(std::initializer_list<scenario> all, int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  int failures = 0;
  int ran = 0;
  for (const auto& s : all) {
    if (wanted.empty() ? s.is_control : wanted != s.name) continue;
    ++ran;
    const auto v = s.run(s.is_control && argc < 3 ? nullptr : &std::cout);
    const bool good = v.right != s.is_control;
    if (!good) ++failures;
    std::printf("%s: %s%s%s\n", good ? "ok" : "FAILED", s.is_control ? "control " : "", s.name,
                v.text.c_str());
    std::fflush(stdout);
  }
  return ran != 0 && failures == 0 ? 0 : 1;
}

/// Reaches a private member by a gap in the language: the arguments of an explicit instantiation
/// are not checked. Only controls do this, to plant a fault.
template <class Tag, typename Tag::type Member>
struct open_up {
  friend typename Tag::type member_of(Tag) { return Member; }
};

}  // namespace model
