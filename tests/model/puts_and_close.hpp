// SPDX-License-Identifier: MIT
#pragma once

#include "model/relacy_env.hpp"

namespace model {

// `Maker::begin(memory, ended)` makes a core, `Maker::make` one with what threads get when they
// meet, which `Maker::add(core)` makes.

/// Two threads give back, the third one closes and releases the pool.
template <class Env, class Maker>
struct puts_and_close : rl::test_suite<puts_and_close<Env, Maker>, 3> {
  memory from;
  int ended = 0;
  decltype(Maker::make(from, ended)) core = nullptr;
  void* held[2] = {};

  void before() {
    Env::begin();
    core = Maker::make(from, ended);
    for (auto& h : held)
      h = core->get();
  }
  void thread(unsigned index) {
    if (index < 2) {
      core->put(held[index]);
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

/// Each thread gets what the others have put, whatever its processor, while one does `Work`.
template <class Env, class Maker, class Work>
struct gets_and : rl::test_suite<gets_and<Env, Maker, Work>, 3> {
  memory from;
  int ended = 0;
  decltype(Maker::make(from, ended)) core = nullptr;

  void before() {
    Env::begin();
    core = Maker::make(from, ended);
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

/// A thread calls `Maker::add` while another one uses the pool and a third one closes it.
template <class Env, class Maker>
struct add_and_close : rl::test_suite<add_and_close<Env, Maker>, 3> {
  memory from;
  int ended = 0;
  decltype(Maker::make(from, ended)) core = nullptr;
  void* held = nullptr;
  rl::atomic<int> users;

  void before() {
    Env::begin();
    users(RL_INFO).store(2, rl::mo_relaxed);
    core = Maker::begin(from, ended);
    held = core->get();
  }
  void thread(unsigned index) {
    if (index == 0) return core->put(held);
    if (index == 1) {
      Maker::add(*core);
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

}  // namespace model
