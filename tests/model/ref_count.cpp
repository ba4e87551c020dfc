// SPDX-License-Identifier: MIT
//
// Reference counts: of several threads that drop theirs exactly one is the last. It sees the
// accesses of all others; no thread raises the count from zero.

#include "model/relacy_env.hpp"

#include <tarn/detail/shared/ref_count.hpp>

namespace {

using tarn::detail::dropped;

/// Each thread reads the shared data, hands a reference on, and drops its own.
template <class Env, class Count>
struct last_release_races : rl::test_suite<last_release_races<Env, Count>, 3> {
  Count count;
  model::var<int> shared;
  rl::atomic<int> ended;

  void before() {
    shared = 1;
    ended(RL_INFO).store(0, rl::mo_relaxed);
    count.add(2);
  }
  void thread(unsigned index) {
    if (index == 0) {
      count.add();
      drop();
    }
    RL_ASSERT(shared == 1);
    drop();
  }
  void drop() {
    if (!count.drop()) return;
    shared = 2;  // a race, if another thread may still read
    ended(RL_INFO).fetch_add(1, rl::mo_relaxed);
  }
  void after() {
    RL_ASSERT(ended(RL_INFO).load(rl::mo_relaxed) == 1);
    RL_ASSERT(count.count() == 0);
  }
};

/// A thread that finds the count at one may write at once.
template <class Env>
struct alone_writes : rl::test_suite<alone_writes<Env>, 2> {
  tarn::detail::ref_count<Env> count;
  model::var<int> shared;

  void before() {
    shared = 1;
    count.add();
  }
  void thread(unsigned) {
    if (count.is_unique()) {
      shared = 2;
    } else {
      const int seen = shared;
      RL_ASSERT(seen == 1 || seen == 2);
    }
    if (count.drop()) shared = 3;
  }
};

/// By hand: one thread drops the only reference, the others try to get one.
template <class Env, class Count>
struct resurrection : rl::test_suite<resurrection<Env, Count>, 3> {
  Count count;
  rl::atomic<int> ended;

  void before() { ended(RL_INFO).store(0, rl::mo_relaxed); }
  void thread(unsigned index) {
    if (index != 0) {
      if (!count.try_add()) return;
      RL_ASSERT(ended(RL_INFO).load(rl::mo_seq_cst) == 0);  // alive while a reference is held
    }
    if (count.try_drop() == dropped::last) ended(RL_INFO).fetch_add(1, rl::mo_seq_cst);
  }
  void after() {
    RL_ASSERT(ended(RL_INFO).load(rl::mo_relaxed) == 1);
    RL_ASSERT(!count.try_add());
  }
};

/// By hand: three threads drop two references. One of them learns that it had none, one of them was
/// the last.
template <class Env>
struct over_release : rl::test_suite<over_release<Env>, 3> {
  tarn::detail::ref_count<Env> count;
  rl::atomic<int> last, dead;

  void before() {
    last(RL_INFO).store(0, rl::mo_relaxed);
    dead(RL_INFO).store(0, rl::mo_relaxed);
    count.add();
  }
  void thread(unsigned) {
    const auto what = count.try_drop();
    if (what == dropped::last) last(RL_INFO).fetch_add(1, rl::mo_relaxed);
    if (what == dropped::dead) dead(RL_INFO).fetch_add(1, rl::mo_relaxed);
  }
  void after() {
    RL_ASSERT(last(RL_INFO).load(rl::mo_relaxed) == 1);
    RL_ASSERT(dead(RL_INFO).load(rl::mo_relaxed) == 1);
  }
};

/// Broken: the last holder is not ordered after the others.
struct unordered_drop : model::sound {
  static constexpr std::memory_order weaken(std::memory_order order) {
    return order == std::memory_order::acq_rel ? std::memory_order::relaxed : order;
  }
};
/// Broken: a thread that finds the count at one has not seen the accesses of the others.
struct unordered_look : model::sound {
  static constexpr std::memory_order weaken(std::memory_order order) {
    return order == std::memory_order::acquire ? std::memory_order::relaxed : order;
  }
};
/// Broken: a reference is added without a check that there is one.
template <class Env>
struct blind_count : tarn::detail::ref_count<Env> {
  bool try_add() {
    this->add();
    return true;
  }
};
/// Broken: the test before the drop is a separate step.
template <class Env>
struct torn_count : tarn::detail::ref_count<Env> {
  bool drop() {
    const bool last = this->count() == 1;
    static_cast<void>(this->drop_shared());
    return last;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  using unordered_env = model::relacy_env<unordered_drop>;
  using blind_env = model::relacy_env<unordered_look>;
  using count = tarn::detail::ref_count<env>;
  using unordered_count = tarn::detail::ref_count<unordered_env>;
  return model::run(
      {{"the last release races", model::all_of<last_release_races<env, count>, 2>},
       {"who is alone writes", model::all_of<alone_writes<env>, 3>},
       {"no reference comes back from zero", model::all_of<resurrection<env, count>, 2>},
       {"who drops too often is told so", model::all_of<over_release<env>, 2>},
       model::control<last_release_races<unordered_env, unordered_count>, 2>("unordered_drop"),
       model::control<alone_writes<blind_env>, 2>("unordered_look"),
       model::control<resurrection<env, blind_count<env>>, 2>("blind_retain"),
       model::control<last_release_races<env, torn_count<env>>, 2>("torn_drop")},
      argc, argv);
}
