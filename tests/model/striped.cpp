// SPDX-License-Identifier: MIT
//
// Stripes: threads that get, put, steal, read, empty the stripes and close the pool.

#include "model/puts_and_close.hpp"
#include "model/relacy_env.hpp"

using tarn::detail::striped_front;
using tarn::detail::striped_shape;

namespace {

template <class Env>
using config_of = model::config<Env, striped_shape, true>;
template <class Env>
using core_of = model::core<config_of<Env>>;

template <class Env>
struct maker {
  static core_of<Env>* make(model::memory& memory, int& ended) {
    auto* const core = ::new core_of<Env>(memory, ended, {32 << 10});
    striped_front<config_of<Env>>::make_stripes(*core);
    return core;
  }
};
template <class Env>
using puts_and_close = model::puts_and_close<Env, maker<Env>>;

/// Each thread gets what the others have put, whatever its processor, while one empties the
/// stripes.
template <class Env>
struct gets_and_flush : rl::test_suite<gets_and_flush<Env>, 3> {
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
    if (index == 2) return core->drain();
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

/// A thread makes the stripes while another one uses the pool and a third one closes it.
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
      striped_front<config_of<Env>>::make_stripes(*core);
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

struct relaxed_leave : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::release ? std::memory_order::relaxed : o;
  }
};
struct relaxed_enter : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acquire ? std::memory_order::relaxed : o;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  return model::run(
      {{"puts and a close", model::all_of<puts_and_close<env>, 2, 20'000>},
       {"gets, puts and a flush", model::all_of<gets_and_flush<env>, 1, 20'000>},
       {"stripes are made while the pool closes", model::all_of<make_and_close<env>, 2, 20'000>},
       model::control<puts_and_close<model::relacy_env<relaxed_leave>>, 2>("leave_relaxed"),
       model::control<gets_and_flush<model::relacy_env<relaxed_enter>>, 2>("enter_relaxed")},
      argc, argv);
}
