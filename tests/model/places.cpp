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
struct maker {
  static core_of<Env>* begin(model::memory& memory, int& ended) {
    return ::new core_of<Env>(memory, ended, {32 << 10});
  }
  static void add(core_of<Env>& core) { lock_free_front<config_of<Env>>::make_places(core, 0); }
  static core_of<Env>* make(model::memory& memory, int& ended) {
    auto* const core = begin(memory, ended);
    add(*core);
    return core;
  }
};
template <class Env>
using puts_and_close = model::puts_and_close<Env, maker<Env>>;
template <class Env, class Work>
using gets_and = model::gets_and<Env, maker<Env>, Work>;
template <class Env>
using make_and_close = model::add_and_close<Env, maker<Env>>;

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
    maker<Env>::add(*core);
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
