// SPDX-License-Identifier: MIT
//
// A source may use pools, and their slow paths may empty the caller's shard of the same pool that
// asks the source, if that pool is closing. No block may get into a shard that has no thread any
// more.

#include "model/relacy_env.hpp"

using tarn::detail::per_thread_shape;

namespace {

using env = model::relacy_env<>;
using core_type = model::core<model::config<env, per_thread_shape>>;

struct source_uses_pools : rl::test_suite<source_uses_pools, 2> {
  model::memory memory[2];
  int ended[2] = {};
  core_type* asking = nullptr;
  core_type* other = nullptr;
  void* held[4] = {};
  rl::atomic<int> users;

  void before() {
    env::begin();
    users(RL_INFO).store(2, rl::mo_relaxed);
    asking = ::new core_type(memory[0], ended[0], {16 << 10});  // a slab of 4, magazines of 2
    other = ::new core_type(memory[1], ended[1], {64 << 10});
    env::act_as(0, [&] {
      for (auto& h : held)
        h = asking->get();  // all blocks of a slab, so that the next get asks the source
    });
    memory[0].user = this;
    memory[0].on_allocate = [](void* self) {
      static_cast<source_uses_pools*>(self)->in_the_source();
    };
  }
  void in_the_source() {
    for (auto& h : held)
      asking->put(std::exchange(h, nullptr));
    other->drain();  // gives an order, and follows it at once
  }
  void thread(unsigned index) {
    if (index == 0) {
      if (void* const block = asking->get()) asking->put(block);
      if (held[0] != nullptr) in_the_source();  // the pool was closed before it had to ask
    } else {
      asking->close();
    }
    if (users(RL_INFO).fetch_sub(1, rl::mo_acq_rel) == 1) asking->release();
    env::end_thread();
  }
  void after() {
    RL_ASSERT(ended[0] == 1);
    other->close();
    other->release();
    RL_ASSERT(ended[1] == 1);
    env::finish();
  }
};

}  // namespace

int main(int argc, char** argv) {
  return model::run(
      {{"the source uses pools", model::all_of<source_uses_pools, model::or_one_more(1), 300'000>}},
      argc, argv);
}
