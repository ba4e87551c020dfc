// SPDX-License-Identifier: MIT
//
// Rule "Growth": threads that miss at the same time take one slab from the source, never more than
// the limit, and no thread waits for ever.

#include "model/relacy_env.hpp"

namespace {

using tarn::detail::lock_free_shape;
using tarn::detail::per_thread_shape;

/// Two threads miss; the limit is one slab of `64 KiB / Size` blocks.
template <class Env, class Shape, std::size_t Size>
struct two_misses : rl::test_suite<two_misses<Env, Shape, Size>, 2> {
  using core_type = model::core<model::config<Env, Shape>>;
  model::memory memory;
  int ended = 0;
  core_type* core = nullptr;
  int got = 0;

  void before() {
    Env::begin();
    tarn::detail::core_settings settings;
    settings.limit_bytes = 64 << 10;
    core = ::new core_type(memory, ended, {Size}, settings);
  }
  void thread(unsigned) {
    void* const block = core->get();
    if (block != nullptr) {
      ++got;
      core->put(block);
    }
    Env::end_thread();
  }
  void after() {
    RL_ASSERT(memory.most_bytes() == 64 << 10);
    // A thread may find that the only block is out. But if there are two blocks, each thread gets
    // one.
    RL_ASSERT(got >= (Size == 64 << 10 ? 1 : 2));
    core->close();
    core->release();
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

/// A getter misses while the pool closes: it gets a block or null, and the slab is not lost.
template <class Env>
struct miss_and_close : rl::test_suite<miss_and_close<Env>, 3> {
  using core_type = model::core<model::config<Env, per_thread_shape>>;
  model::memory memory;
  int ended = 0;
  core_type* core = nullptr;
  rl::atomic<int> users;

  void before() {
    Env::begin();
    users(RL_INFO).store(3, rl::mo_relaxed);
    core = ::new core_type(memory, ended, {64 << 10});
  }
  void thread(unsigned index) {
    void* block = nullptr;
    if (index == 2) {
      core->close();
    } else {
      block = core->get();
    }
    // The pool object ends when no thread calls it any more; a block may outlive it.
    if (users(RL_INFO).fetch_sub(1, rl::mo_acq_rel) == 1) core->release();
    if (block != nullptr) core->put(block);
    Env::end_thread();
  }
  void after() {
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

struct forgets_to_notify : model::sound {
  static constexpr bool notifies = false;
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  using silent_env = model::relacy_env<forgets_to_notify>;
  return model::run(
      {{"two blocks for two",
        model::all_of<two_misses<env, per_thread_shape, 32 << 10>, model::or_one_more(1)>},
       {"one block for two",
        model::all_of<two_misses<env, per_thread_shape, 64 << 10>, model::or_one_more(1)>},
       {"one block for two, lock-free", model::all_of<two_misses<env, lock_free_shape, 64 << 10>>},
       {"a miss and a close", model::all_of<miss_and_close<env>, model::or_one_more(0), 200'000>},
       model::control<two_misses<silent_env, per_thread_shape, 64 << 10>>("no_notification")},
      argc, argv);
}
