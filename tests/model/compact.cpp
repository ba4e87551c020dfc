// SPDX-License-Identifier: MIT
//
// Above a bound, ready blocks are exchanged for others while threads get and put: no block has two
// owners, none is lost, and slabs that are whole by then are gone.

#include "model/relacy_env.hpp"

namespace {

using env = model::relacy_env<>;

template <class Shape>
struct exchange_beside_gets : rl::test_suite<exchange_beside_gets<Shape>, 3> {
  using core_type = model::core<model::config<env, Shape>>;
  static constexpr unsigned slabs = 3;
  static constexpr unsigned each = 3;  // blocks of a slab
  static constexpr std::size_t stride = 20 << 10;
  model::memory memory;
  int ended = 0;
  core_type* core = nullptr;
  void* held[slabs * each] = {};

  void before() {
    env::begin();
    tarn::detail::core_settings settings;
    settings.capacity = slabs * each;  // exact, so there are no shards in front of the depot
    settings.max_ready = 3;
    core = ::new core_type(memory, ended, {stride}, settings);
    for (auto& h : held)
      h = core->get();
    // The first block of three slabs is ready, and one more of each is parked.
    for (unsigned i = 0; i != each - 1; ++i) {
      for (unsigned s = 0; s != slabs; ++s)
        core->put(std::exchange(held[s * each + i], nullptr));
    }
  }
  void thread(unsigned index) {
    if (index == 2) {  // gets while blocks move
      void* const block = core->get();
      RL_ASSERT(block != nullptr);  // there is always an idle one
      return core->put(block);
    }
    core->put(held[(index + 1) * each - 1]);
    if (index == 0) core->put(held[slabs * each - 1]);
  }
  void after() {
    // A put above the bound looks whether ready blocks keep too many slabs; while another thread
    // had a block it may have been right to leave them. Three ready blocks need a slab, or two.
    void* more[4];
    for (auto& block : more)
      block = core->get();
    for (auto* const block : more)
      core->put(block);
    RL_ASSERT(memory.bytes() < slabs * each * stride);
    core->close();
    core->release();
    RL_ASSERT(ended == 1);
    env::finish();
  }
};

}  // namespace

int main(int argc, char** argv) {
  using tarn::detail::lock_free_shape;
  using tarn::detail::per_thread_shape;
  return model::run(
      {{"exchange beside gets, cached",
        model::all_of<exchange_beside_gets<per_thread_shape>, 1, 20'000>},
       {"exchange beside gets, lock_free",
        model::all_of<exchange_beside_gets<lock_free_shape>, model::or_one_more(0), 100'000>}},
      argc, argv);
}
