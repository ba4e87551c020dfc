// SPDX-License-Identifier: MIT
//
// The places of processors under `lock_free`: threads that get, put, steal, trim, bound and close.

#include "model/puts_and_close.hpp"
#include "model/relacy_env.hpp"

using tarn::detail::lock_free_front;
using tarn::detail::lock_free_shape;

namespace {

template <class Env>
using config_of = model::config<Env, lock_free_shape>;
template <class Env>
using core_of = model::core<config_of<Env>>;

template <class Env>
void make_places(core_of<Env>& core) {
  lock_free_front<config_of<Env>>::make_places(core, 0);
}

template <class Env>
struct maker {
  static core_of<Env>* make(model::memory& memory, int& ended) {
    auto* const core = ::new core_of<Env>(memory, ended, {32 << 10});
    make_places<Env>(*core);
    return core;
  }
};
template <class Env>
using puts_and_close = model::puts_and_close<Env, maker<Env>>;

/// Each thread gets what the others have put, whatever its processor, while one does `Work`.
template <class Env, class Work>
struct gets_and : rl::test_suite<gets_and<Env, Work>, 3> {
  model::memory memory;
  int ended = 0;
  core_of<Env>* core = nullptr;

  void before() {
    Env::begin();
    core = maker<Env>::make(memory, ended);
    void* const one = core->get();
    core->put(one);
  }
  void thread(unsigned index) {
    if (index == 2) return Work::run(*core);
    void* const block = core->get();
    RL_ASSERT(block != nullptr);
    core->put(block);
  }
  void after() {
    core->close();
    core->release();
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};
struct trimming {
  static void run(auto& core) { core.trim(0); }
};
struct trimming_in_part {
  static void run(auto& core) { core.trim(32 << 10); }
};
struct bounding {
  static void run(auto& core) { static_cast<void>(core.set_bound(0, 1)); }
};
struct getting {
  static void run(auto& core) {
    if (void* const block = core.get()) core.put(block);
  }
};

/// Blocks move as chains between the stack and the places: these hold four blocks, and move two.
template <class Env>
struct chains : rl::test_suite<chains<Env>, 3> {
  static constexpr unsigned many = 6;
  model::memory memory;
  int ended = 0;
  core_of<Env>* core = nullptr;
  void* held[many] = {};

  void before() {
    Env::begin();
    core = ::new core_of<Env>(memory, ended, {16 << 10});
    for (auto& h : held)
      h = core->get();
    for (unsigned i = 0; i != 2; ++i)
      core->put(held[i]);  // on the stack
    make_places<Env>(*core);
    core->put(held[2]);
  }
  void thread(unsigned index) {
    if (index == 0) {
      for (unsigned i = 3; i != many; ++i)
        core->put(held[i]);
      return;
    }
    void* const one = core->get();
    void* const other = core->get();
    RL_ASSERT(one != nullptr && other != nullptr);
    core->put(one);
    core->put(other);
  }
  void after() {
    // All that are idle are found again.
    for (auto& h : held)
      h = core->get();
    for (auto* h : held)
      core->put(h);
    core->trim(0);
    core->close();
    core->release();
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

/// A thread makes the places while another one uses the pool and a third one closes it.
template <class Env>
struct make_and_close : rl::test_suite<make_and_close<Env>, 3> {
  model::memory memory;
  int ended = 0;
  core_of<Env>* core = nullptr;
  void* held = nullptr;
  rl::atomic<int> users;

  void before() {
    Env::begin();
    users(RL_INFO).store(2, rl::mo_relaxed);
    core = ::new core_of<Env>(memory, ended, {32 << 10});
    held = core->get();
  }
  void thread(unsigned index) {
    if (index == 0) return core->put(held);
    if (index == 1) {
      make_places<Env>(*core);
    } else {
      core->close();
    }
    // The pool object ends after both of its users.
    if (users(RL_INFO).fetch_sub(1, rl::mo_acq_rel) == 1) core->release();
  }
  void after() {
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

struct relaxed_put : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::release ? std::memory_order::relaxed : o;
  }
};
struct relaxed_get : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acquire ? std::memory_order::relaxed : o;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  return model::run(
      {{"puts and a close", model::all_of<puts_and_close<env>, 1, 20'000>},
       {"gets and puts", model::all_of<gets_and<env, getting>, 1, 20'000>},
       {"gets, puts and a trim", model::all_of<gets_and<env, trimming>, 0, 20'000>},
       {"gets, puts and a trim in part", model::all_of<gets_and<env, trimming_in_part>, 0, 20'000>},
       {"gets, puts and a bound", model::all_of<gets_and<env, bounding>, 0, 20'000>},
       {"chains", model::all_of<chains<env>, 0, 20'000>},
       {"places are made while the pool closes", model::all_of<make_and_close<env>, 1, 20'000>},
       model::control<puts_and_close<model::relacy_env<relaxed_put>>, 2>("put_relaxed"),
       model::control<gets_and<model::relacy_env<relaxed_get>, getting>, 2>("get_relaxed")},
      argc, argv);
}
