// SPDX-License-Identifier: MIT
//
// Rule "Life": one thread puts a block, one closes the pool and releases it, one ends with a block
// in its shard. The core must end exactly once, after all threads are done with it.

#include "model/relacy_env.hpp"

using tarn::detail::per_thread_shape;

namespace {

template <class Env>
using core_of = model::core<model::config<Env, per_thread_shape>>;

}  // namespace

namespace model {

// The fault "the closer sweeps the shards of other threads" needs members that a closer never
// touches.
using swept_core = tarn::detail::core<config<relacy_env<>, per_thread_shape>>;
struct shards_tag {
  using type = swept_core::env::atomic<swept_core::shard_type*> swept_core::*;
  friend type member_of(shards_tag);
};
struct flush_tag {
  using type = void (swept_core::*)(swept_core::shard_type*) noexcept;
  friend type member_of(flush_tag);
};
template struct open_up<shards_tag, &swept_core::shards_>;
template struct open_up<flush_tag, &swept_core::flush_all>;

}  // namespace model

namespace {

struct leaves_shards_alone {
  template <class Core>
  static void after_close(Core&) {}
};
struct sweeps_shards {
  template <class Core>
  static void after_close(Core& core) {
    model::swept_core& base = core;
    auto* s = (base.*member_of(model::shards_tag())).load(std::memory_order::acquire);
    for (; s != nullptr; s = s->next)
      (base.*member_of(model::flush_tag()))(s);
  }
};

/// The third thread leaves behind a block, which keeps the core until then, or no block, so that
/// the core may end while the thread looks for it.
enum class leaves { block, nothing };

template <class Env, leaves Third, class Closer = leaves_shards_alone>
struct life_of_a_core : rl::test_suite<life_of_a_core<Env, Third, Closer>, 3> {
  model::memory memory;
  int ended = 0;
  core_of<Env>* core = nullptr;
  void* held[2] = {};

  void before() {
    Env::begin();
    core = ::new core_of<Env>(memory, ended, {32 << 10});  // caches of 2, slabs of 2 blocks
    Env::act_as(0, [&] { held[0] = core->get(); });
    Env::act_as(2, [&] { held[1] = core->get(); });
    if (Third == leaves::nothing) return;
    Env::act_as(2, [&] { core->put(std::exchange(held[1], nullptr)); });
  }
  void thread(unsigned index) {
    if (index == 0) {
      core->put(held[0]);
      if (held[1] != nullptr) core->put(held[1]);
    }
    if (index == 1) {
      core->close();
      Closer::after_close(*core);
      core->release();
    }
    Env::end_thread();
  }
  void after() {
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

/// The same with two threads, short enough for more switches.
template <class Env>
struct put_and_close : rl::test_suite<put_and_close<Env>, 2> {
  model::memory memory;
  int ended = 0;
  core_of<Env>* core = nullptr;
  void* held = nullptr;

  void before() {
    Env::begin();
    core = ::new core_of<Env>(memory, ended, {64 << 10});
    Env::act_as(0, [&] { held = core->get(); });
  }
  void thread(unsigned index) {
    if (index == 0) {
      core->put(held);
      Env::end_thread();
    } else {
      core->close();
      core->release();
    }
  }
  void after() {
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

struct no_registry_lock : model::sound {
  static constexpr bool registry_locks = false;
};
/// Broken: the thread that ends the core does not see the other threads' accesses to it. Only here
/// does this order matter.
struct unordered_end : model::sound {
  static constexpr std::memory_order weaken(std::memory_order order) {
    return order == std::memory_order::acq_rel ? std::memory_order::relaxed : order;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  using unlocked_env = model::relacy_env<no_registry_lock>;
  using unordered_env = model::relacy_env<unordered_end>;
  return model::run(
      {{"a put, a close and an exit", model::all_of<life_of_a_core<env, leaves::block>, 1>},
       {"puts, a close and an exit with nothing",
        model::all_of<life_of_a_core<env, leaves::nothing>, 1>},
       {"a put and a close", model::all_of<put_and_close<env>, 2>},
       model::control<life_of_a_core<env, leaves::block, sweeps_shards>>("closer_sweeps_shards"),
       model::control<life_of_a_core<unlocked_env, leaves::nothing>>(
           "janitor_without_registry_lock"),
       model::control<put_and_close<unordered_env>>("end_without_order")},
      argc, argv);
}
