// SPDX-License-Identifier: MIT
//
// Rule "Slots": a thread attaches while the pool closes; a slot is given out again only when no
// thread has an entry for it.

#include "model/relacy_env.hpp"

using tarn::detail::per_thread_shape;

namespace {

using env = model::relacy_env<>;
using core_type = model::core<model::config<env, per_thread_shape>>;

/// A thread attaches, gets and puts, while another thread closes; the last of them releases the
/// pool.
struct attach_and_close : rl::test_suite<attach_and_close, 2> {
  model::memory memory;
  int ended = 0;
  core_type* core = nullptr;
  rl::atomic<int> users;

  void before() {
    env::begin();
    users(RL_INFO).store(2, rl::mo_relaxed);
    core = ::new core_type(memory, ended, {64 << 10});
  }
  void thread(unsigned index) {
    if (index == 0) {
      if (void* const block = core->get()) core->put(block);
    } else {
      core->close();
    }
    if (users(RL_INFO).fetch_sub(1, rl::mo_acq_rel) == 1) core->release();
    env::end_thread();
  }
  void after() {
    RL_ASSERT(ended == 1);
    env::finish();
  }
};

struct forgets_nothing {
  static void before_second() {}
};
/// The fault: the number of attached threads does not count.
struct forgets_attached {
  static void before_second() { env::registry().detach(1); }
};

/// One core ends while a thread still has an entry for its slot; the next core must not find that
/// entry.
template <class Fault>
struct one_core_after_the_other : rl::test_suite<one_core_after_the_other<Fault>, 2> {
  model::memory memory[2];
  int ended[2] = {};
  core_type* core = nullptr;
  rl::atomic<core_type*> second;
  rl::atomic<int> users;

  void before() {
    env::begin();
    second(RL_INFO).store(nullptr, rl::mo_relaxed);
    users(RL_INFO).store(2, rl::mo_relaxed);
    core = ::new core_type(memory[0], ended[0], {32 << 10});
    void* held = nullptr;
    env::act_as(1, [&] { held = core->get(); });
    env::act_as(0, [&] { core->put(held); });
  }
  void thread(unsigned index) {
    if (index == 0) {
      core->close();
      core->release();  // all blocks are home: thread 1 has an empty shard, thread 0 has emptied
                        // its own
      Fault::before_second();
      auto* const made = ::new core_type(memory[1], ended[1], {32 << 10});
      second(RL_INFO).store(made, rl::mo_release);
      use(made);
      leave(made);
    } else if (auto* const found = second(RL_INFO).load(rl::mo_acquire)) {
      use(found);
      leave(found);
    } else {
      // The thread that creates the core will see that no other thread comes.
      if (users(RL_INFO).fetch_sub(1, rl::mo_acq_rel) == 1)
        release(second(RL_INFO).load(rl::mo_acquire));
    }
    env::end_thread();
  }
  void use(core_type* c) {
    if (void* const block = c->get()) c->put(block);
  }
  void leave(core_type* c) {
    if (users(RL_INFO).fetch_sub(1, rl::mo_acq_rel) == 1) release(c);
  }
  void release(core_type* c) {
    c->close();
    c->release();
  }
  void after() {
    RL_ASSERT(ended[0] == 1 && ended[1] == 1);
    env::finish();
  }
};

}  // namespace

int main(int argc, char** argv) {
  return model::run(
      {{"an attach and a close", model::all_of<attach_and_close, model::or_one_more(2)>},
       {"one core after the other",
        model::all_of<one_core_after_the_other<forgets_nothing>, model::or_one_more(1), 300'000>},
       model::control<one_core_after_the_other<forgets_attached>, 2>(
           "slot_reissued_while_attached")},
      argc, argv);
}
