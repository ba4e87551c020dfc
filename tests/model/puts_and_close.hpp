// SPDX-License-Identifier: MIT
#pragma once

#include "model/relacy_env.hpp"

namespace model {

/// Two threads give back, the third one closes and releases the pool. `Maker::make(memory, ended)`
/// makes the core.
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

}  // namespace model
