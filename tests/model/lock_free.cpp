// SPDX-License-Identifier: MIT
//
// The lock-free shape: puts, gets and trims while the pool closes.

#include "model/puts_and_close.hpp"
#include "model/relacy_env.hpp"

using tarn::detail::lock_free_shape;

namespace {

template <class Env>
using core_of = model::core<model::config<Env, lock_free_shape>>;

template <class Env>
struct maker {
  static core_of<Env>* make(model::memory& memory, int& ended) {
    return ::new core_of<Env>(memory, ended, {32 << 10});
  }
};
template <class Env>
using puts_and_close = model::puts_and_close<Env, maker<Env>>;

/// One thread trims, one gets and puts, one closes; the last of them releases the pool.
template <class Env>
struct trim_get_and_close : rl::test_suite<trim_get_and_close<Env>, 3> {
  model::memory memory;
  int ended = 0;
  core_of<Env>* core = nullptr;
  rl::atomic<int> users;

  void before() {
    Env::begin();
    users(RL_INFO).store(3, rl::mo_relaxed);
    core = ::new core_of<Env>(memory, ended, {32 << 10});
    void* const one = core->get();
    void* const other = core->get();
    core->put(one);
    core->put(other);
  }
  void thread(unsigned index) {
    if (index == 0) core->trim(32 << 10);
    if (index == 1) {
      if (void* const block = core->get()) core->put(block);
    }
    if (index == 2) core->close();
    if (users(RL_INFO).fetch_sub(1, rl::mo_acq_rel) == 1) core->release();
  }
  void after() {
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

struct relaxed_push : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::release ? std::memory_order::relaxed : o;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  return model::run(
      {{"puts and a close", model::all_of<puts_and_close<env>, model::or_one_more(1)>},
       {"a trim, a get and a close", model::all_of<trim_get_and_close<env>, 1>},
       model::control<trim_get_and_close<model::relacy_env<relaxed_push>>>("push_relaxed")},
      argc, argv);
}
