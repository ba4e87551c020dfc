// SPDX-License-Identifier: MIT
//
// Rule "Waiting": a request that waits is called when something comes back, and no call is lost:
// whether it comes back under a lock, to the source, or to a stack that has no lock.

#include <tarn/detail/core/metered_source.hpp>
#include <tarn/detail/depot/index_stack.hpp>
#include <tarn/detail/shared/waiting_lines.hpp>

#include "model/relacy_env.hpp"

namespace {

constexpr std::int64_t never = INT64_MAX;
constexpr std::int64_t some_time = 1;

/// Each request has a cell of its own here, so a wake must reach all threads.
template <class Faults = model::sound>
struct waiting_env : model::relacy_env<Faults> {
  template <class Cell>
  static void wake_one(const Cell& cell) {
    model::relacy_env<Faults>::wake_all(cell);
  }
};

/// What `bounds::await` does. Returns: whether `look` returned true before the deadline.
template <class Env, class Look>
bool await(tarn::detail::waiting_lines<Env>& lines, std::int64_t deadline, bool memory,
           Look&& look) {
  tarn::detail::waiting_request<Env> r(0);
  static_cast<void>(lines.enter(r));
  bool got = false;
  for (;;) {
    got = lines.is_first(r) && look();
    if (got) break;
    if (!lines.rest(r, memory)) continue;
    if (!r.template sleep_until<model::mutex>(deadline)) break;
  }
  typename tarn::detail::waiting_lines<Env>::woken_list woken;
  static_cast<void>(lines.leave(r, woken));
  woken.wake_all();
  return got;
}

/// A depot with one block, which `Waiters` threads want, each for a moment. The first thread has
/// it at first.
template <class Env, rl::thread_id_t Threads, std::int64_t Deadline = never>
struct one_block : rl::test_suite<one_block<Env, Threads, Deadline>, Threads> {
  tarn::detail::waiting_lines<Env>* lines = nullptr;
  model::mutex* lock = nullptr;
  rl::var<int> blocks{0};
  int got[Threads] = {};

  void before() {
    Env::begin();
    lines = ::new tarn::detail::waiting_lines<Env>;
    lock = ::new model::mutex;
    blocks(RL_INFO).store(0);
  }
  bool look() {
    lock->lock();
    const bool there = blocks(RL_INFO).load() != 0;
    if (there) blocks(RL_INFO).store(0);
    lock->unlock();
    return there;
  }
  void put() {
    lock->lock();
    blocks(RL_INFO).store(1);
    lock->unlock();
    lines->call(0);
  }
  void thread(unsigned index) {
    if (index == 0) return put();
    // The last thread may have a deadline.
    const auto deadline = index + 1 == Threads ? Deadline : never;
    got[index] = await(*lines, deadline, false, [this] { return look(); });
    if (got[index]) put();
  }
  void after() {
    RL_ASSERT(got[1]);
    RL_ASSERT(got[Threads - 1] || Deadline != never);
    RL_ASSERT(!lines->any());
    delete lock;
    delete lines;
    Env::finish();
  }
};

/// A control: a thread looks first and stands in line afterwards.
struct looks_too_early : rl::test_suite<looks_too_early, 2> {
  using Env = waiting_env<>;
  one_block<Env, 2> world;

  void before() { world.before(); }
  void thread(unsigned index) {
    if (index == 0) return world.put();
    bool looked = world.look();
    if (looked) return;
    await(*world.lines, never, false, [&] {
      const bool first = !looked;
      looked = true;
      return first ? false : world.look();
    });
  }
  void after() {
    delete world.lock;
    delete world.lines;
    Env::finish();
  }
};

struct empty_source {
  static void* allocate(std::size_t, std::size_t) { return &there; }
  static void deallocate(void*, std::size_t, std::size_t) noexcept {}
  static inline char there;
};

/// Memory goes back to the source, which has no lock.
template <class Env>
struct memory_comes_back : rl::test_suite<memory_comes_back<Env>, 2> {
  using source_type = tarn::detail::metered_source<Env, empty_source, tarn::detail::no_parts>;
  source_type* source = nullptr;

  void before() {
    Env::begin();
    source = ::new source_type(empty_source(), 1);
    RL_ASSERT(source->allocate(1, 1) != nullptr);
  }
  void thread(unsigned index) {
    if (index == 0) return source->deallocate(&empty_source::there, 1, 1);
    bool announced = false;
    RL_ASSERT(await(source->waiting, never, true, [&] {
      if (!announced) source->announce();
      announced = true;
      return source->allocate(1, 1) != nullptr;
    }));
  }
  void after() {
    delete source;
    Env::finish();
  }
};

/// A block comes back to a stack. `Arms`: as `lock_free_front` does it.
template <class Env, bool Arms = true>
struct stack_is_armed : rl::test_suite<stack_is_armed<Env, Arms>, 3> {
  using stack_type = tarn::detail::index_stack<Env>;
  tarn::detail::waiting_lines<Env>* lines = nullptr;
  model::mutex* lock = nullptr;
  stack_type* stack = nullptr;
  typename stack_type::link* link = nullptr;

  void before() {
    Env::begin();
    lines = ::new tarn::detail::waiting_lines<Env>;
    lock = ::new model::mutex;
    stack = ::new stack_type;
    link = ::new typename stack_type::link(0);
  }
  auto link_of() {
    return [this](std::uint32_t) -> auto& { return *link; };
  }
  void put() {
    if (stack->push(0, *link)) return;
    lock->lock();
    stack->reopen();
    RL_ASSERT(stack->push(0, *link));
    lock->unlock();
    lines->call(0);
  }
  void thread(unsigned index) {
    if (index == 0) return put();
    RL_ASSERT(await(*lines, never, false, [this] {
      for (bool is_armed = false; !is_armed;) {
        lock->lock();
        is_armed = !Arms || stack->close_if_empty();
        lock->unlock();
        if (stack->pop(link_of()) != stack_type::none) return true;
      }
      return false;
    }));
    put();
  }
  void after() {
    delete link;
    delete stack;
    delete lock;
    delete lines;
    Env::finish();
  }
};

struct silent_wakes : model::sound {
  static constexpr bool wakes = false;
};
struct relaxed_memory : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acq_rel ? std::memory_order::relaxed : o;
  }
};
struct unlocked : model::sound {
  static constexpr bool registry_locks = false;
};

}  // namespace

int main(int argc, char** argv) {
  using env = waiting_env<>;
  return model::run(
      {{"one block, one thread waits", model::all_of<one_block<env, 2>>},
       {"one block, two threads wait", model::all_of<one_block<env, 3>, 1>},
       {"one leaves, one stays", model::all_of<one_block<env, 3, some_time>, 0>},
       {"memory comes back", model::all_of<memory_comes_back<env>>},
       {"a stack is armed", model::all_of<stack_is_armed<env>, 1>},
       model::control<one_block<waiting_env<silent_wakes>, 2>>("no_wakes"),
       model::control<looks_too_early>("early_look"),
       model::control<memory_comes_back<waiting_env<relaxed_memory>>, 2>("memory_relaxed"),
       model::control<stack_is_armed<env, false>>("not_armed"),
       model::control<one_block<waiting_env<unlocked>, 3>>("unlocked_lines")},
      argc, argv);
}
