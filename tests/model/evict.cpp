// SPDX-License-Identifier: MIT
//
// Rule "Puts": a put never allocates. There is always a magazine for it, however many threads give
// idle memory back at the same time.

#include "model/relacy_env.hpp"

namespace {

using tarn::detail::per_thread_shape;

using env = model::relacy_env<>;
using core_type = model::core<model::config<env, per_thread_shape>>;

struct two_trims_and_puts : rl::test_suite<two_trims_and_puts, 3> {
  static constexpr unsigned blocks = 6;
  model::memory memory;
  int ended = 0;
  core_type* core = nullptr;
  void* held[blocks] = {};

  void before() {
    env::begin();
    tarn::detail::core_settings settings;
    settings.capacity = blocks;  // exact, so there are no shards in front of the depot
    // A slab of 6 blocks, magazines of 3: the lack of a partly filled magazine shows soon.
    core = ::new core_type(memory, ended, {10 << 10}, settings);
    for (auto& h : held)
      h = core->get();
  }
  void thread(unsigned index) {
    if (index < 2) {
      core->put(held[index]);
      core->trim(0);
    } else {
      for (unsigned i = 2; i != blocks; ++i)
        core->put(held[i]);
    }
  }
  void after() {
    core->close();
    core->release();
    RL_ASSERT(ended == 1);
    env::finish();
  }
};

}  // namespace

int main(int argc, char** argv) {
  return model::run({{"two trims and puts", model::all_of<two_trims_and_puts>}}, argc, argv);
}
