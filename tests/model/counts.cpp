// SPDX-License-Identifier: MIT
//
// Rule "Reading": a reader that sees a put has seen its get, so the number in use is never
// negative, though gets and puts take no lock.

#include "model/relacy_env.hpp"

namespace {

using tarn::detail::lock_free_shape;
using tarn::detail::per_thread_shape;
using tarn::detail::single_shape;

/// One thread gets a block and hands it over, another thread gives it back, a third one reads the
/// numbers.
template <class Env, class Shape>
struct get_put_and_read : rl::test_suite<get_put_and_read<Env, Shape>, 3> {
  using core_type = model::core<model::config<Env, Shape, true>>;
  model::memory memory;
  int ended = 0;
  core_type* core = nullptr;
  rl::atomic<void*> passed;

  void before() {
    Env::begin();
    passed(RL_INFO).store(nullptr, rl::mo_relaxed);
    core = ::new core_type(memory, ended, {32 << 10});
    Env::act_as(0, [&] { core->put(core->get()); });
    Env::act_as(1, [&] { core->put(core->get()); });
  }
  void thread(unsigned index) {
    if (index == 0) {
      void* const block = core->get();
      memory.let_go(block);
      // The weakest order for handing a block over: the core must not need a stronger one.
      passed(RL_INFO).store(block, rl::mo_release);
    } else if (index == 1) {
      if (void* const block = passed(RL_INFO).load(rl::mo_acquire)) core->give(0, block);
    } else {
      core->read([](const auto& n) {
        RL_ASSERT(n.gets >= n.puts);
        RL_ASSERT(n.gets - n.puts <= 1);
      });
    }
  }
  void after() {
    const bool is_out = core_numbers().gets != core_numbers().puts;
    void* const block = passed(RL_INFO).load(rl::mo_relaxed);
    if (is_out) core->give(0, block);
    RL_ASSERT(core_numbers().gets == 3);
    RL_ASSERT(core_numbers().puts == 3);
    for (unsigned i = 0; i != 3; ++i)
      Env::act_as(i, [] { Env::end_thread(); });
    core->close();
    core->release();
    RL_ASSERT(ended == 1);
    Env::finish();
  }
  tarn::detail::tier_numbers core_numbers() {
    tarn::detail::tier_numbers all;
    core->read([&](const auto& n) { all = n; });
    RL_ASSERT(all.created ==
              all.retired + all.ready + all.parked + all.sharded + all.gets - all.puts);
    return all;
  }
};

/// The owner gets from an empty and puts to a full cache, so that blocks move between cache and
/// depot during the read: a number that is read twice never falls.
template <class Env>
struct moves_and_read : rl::test_suite<moves_and_read<Env>, 2> {
  using core_type = model::core<model::config<Env, per_thread_shape, true>>;
  model::memory memory;
  int ended = 0;
  core_type* core = nullptr;
  void* held[2] = {};

  void before() {
    Env::begin();
    core = ::new core_type(memory, ended, {32 << 10});
    Env::act_as(0, [&] {
      for (auto& h : held)
        h = core->get();
      core->put(core->get());
    });
  }
  void thread(unsigned index) {
    if (index == 0) {
      for (void* const h : held)
        core->put(h);  // the second put finds the cache full
      core->put(core->get());
      Env::end_thread();
    } else {
      tarn::detail::tier_numbers before;
      core->read([&](const auto& n) { before = n; });
      RL_ASSERT(before.gets >= before.puts && before.gets <= 4);
      core->read([&](const auto& n) {
        RL_ASSERT(n.gets >= n.puts && n.gets <= 4);
        RL_ASSERT(n.gets >= before.gets && n.puts >= before.puts);
      });
    }
  }
  void after() {
    core->read([](const auto& n) {
      RL_ASSERT(n.gets == 4 && n.puts == 4);
      RL_ASSERT(n.created == n.retired + n.ready + n.parked + n.sharded);
    });
    core->close();
    core->release();
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

struct relaxed_reads : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acquire ? std::memory_order::relaxed : o;
  }
};
struct relaxed_writes : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::release ? std::memory_order::relaxed : o;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  using reads = model::relacy_env<relaxed_reads>;
  using writes = model::relacy_env<relaxed_writes>;
  return model::run(
      {{"per thread", model::all_of<get_put_and_read<env, per_thread_shape>>},
       {"one lock", model::all_of<get_put_and_read<env, single_shape>>},
       {"lock-free", model::all_of<get_put_and_read<env, lock_free_shape>, model::or_one_more(1)>},
       {"moves", model::all_of<moves_and_read<env>>},
       model::control<get_put_and_read<reads, per_thread_shape>, 2>("reads_relaxed"),
       model::control<get_put_and_read<writes, per_thread_shape>, 2>("writes_relaxed"),
       model::control<moves_and_read<reads>, 2>("moves_read_relaxed"),
       model::control<moves_and_read<writes>, 2>("moves_written_relaxed"),
       model::control<get_put_and_read<writes, lock_free_shape>, 2>("striped_puts_relaxed")},
      argc, argv);
}
