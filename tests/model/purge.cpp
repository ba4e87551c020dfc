// SPDX-License-Identifier: MIT
//
// Rule "Trimming", its purges: idle blocks are out of reach of all threads while their pages are
// dropped, and no thread holds them. Getters, trims, other purges and the end of the pool meet that
// moment.

#include "model/dropped_pages.hpp"

namespace {

using tarn::detail::core_settings;
using tarn::detail::lock_free_shape;
using tarn::detail::per_thread_shape;
using tarn::detail::purge_mode;
using tarn::detail::tick_rules;

constexpr std::size_t whole_pages = std::size_t{32} << 10;  // dropped block by block
constexpr std::size_t torn_pages = std::size_t{6} << 10;    // dropped slab by slab
constexpr std::size_t slab_bytes = std::size_t{64} << 10;

// Faults. The last two are environments, the others are configurations: each has one function that
// differs, see below.
struct parks_first;                      // blocks are home again before their pages are dropped
struct forgets_close;                    // slabs stay that become whole in a closed pool
struct leaves_unseen : model::sound {};  // a getter does not wait for blocks that are out
struct only_looks : model::sound {};     // a slab stays on its bin while its pages are dropped

template <class Env, class Shape = per_thread_shape, class Fault = model::sound>
struct config : model::config<Env, Shape, true> {
  using source = model::purgeable_source;
};

using env = model::relacy_env<>;

/// A core of one slab with two idle blocks, and its invariants when no thread uses it.
template <class Config, std::size_t Stride = whole_pages>
struct world {
  using env = typename Config::env;
  using core_type = model::core<Config>;
  using upkeep = tarn::detail::upkeep<Config>;
  model::memory memory{std::size_t{2} << 10};
  int ended = 0;
  core_type* core = nullptr;
  void* blocks[2] = {};

  explicit world(core_settings settings = {}) {
    env::begin();
    model::droppable = &memory;
    model::refuses_to_drop = false;
    // So a getter that finds no block gets null.
    settings.limit_bytes = slab_bytes;
    core = ::new core_type(memory, ended, {Stride}, settings);
    env::act_as(3, [&] {
      for (auto& b : blocks)
        b = core->get();
      for (void* const b : blocks)
        core->put(b);
      env::end_thread();
    });
  }
  std::size_t purge() { return upkeep::purge(*core); }
  std::size_t tick() { return upkeep::tick(*core, {.passed = 1, .halvings = tick_rules::all}); }
  /// There is an idle block, perhaps out of reach for the moment: a get waits for it.
  void get_and_put() {
    void* const block = core->get();
    RL_ASSERT(block != nullptr);
    core->put(block);
  }

  [[nodiscard]] tarn::detail::tier_numbers numbers() {
    tarn::detail::tier_numbers n;
    core->read([&](const auto& now) { n = now; });
    RL_ASSERT(n.created == n.retired + n.ready + n.parked + n.sharded + n.gets - n.puts);
    RL_ASSERT(n.purged_bytes == memory.dropped_bytes());
    if (Stride == whole_pages) {
      RL_ASSERT(n.purged == memory.drops());
      RL_ASSERT(n.idle_purged == without_pages());
    }
    return n;
  }
  [[nodiscard]] std::uint64_t without_pages() const {
    return std::uint64_t{memory.is_dropped(blocks[0])} + memory.is_dropped(blocks[1]);
  }
  void finish() {
    for (unsigned i = 0; i != model::most_threads; ++i)
      env::act_as(i, [] { env::end_thread(); });
    core->trim(0);
    const auto n = numbers();
    RL_ASSERT(n.idle_purged == 0 && n.created == n.retired);
    RL_ASSERT(memory.bytes() == 0);
    core->close();
    core->release();
    done();
  }
  void done() {
    RL_ASSERT(ended == 1);
    env::finish();
  }
};

/// A purge while another thread gets a block, writes to it and puts it back.
template <class Config, std::size_t Stride = whole_pages>
struct purge_and_get : rl::test_suite<purge_and_get<Config, Stride>, 2> {
  world<Config, Stride> w;
  std::size_t bytes = 0;
  void thread(unsigned index) {
    if (index == 0) {
      bytes = w.purge();
    } else {
      w.get_and_put();
    }
  }
  void after() {
    RL_ASSERT(bytes == w.numbers().purged_bytes);
    // At least the other block is dropped; the getter may have taken all blocks of a slab.
    if (Stride == whole_pages) RL_ASSERT(w.numbers().purged >= 1);
    w.finish();
  }
};

/// The same, if the system drops no pages: then the pool is as before.
template <class Config, std::size_t Stride>
struct refused_and_get : rl::test_suite<refused_and_get<Config, Stride>, 2> {
  world<Config, Stride> w;
  void before() { model::refuses_to_drop = true; }
  void thread(unsigned index) {
    if (index == 0) {
      RL_ASSERT(w.purge() == 0);
    } else {
      w.get_and_put();
    }
  }
  void after() {
    const auto n = w.numbers();
    RL_ASSERT(n.purged == 0 && n.idle_purged == 0);
    w.finish();
  }
};

/// Two purges: each block loses its pages once.
template <class Config, std::size_t Stride = whole_pages>
struct two_purges : rl::test_suite<two_purges<Config, Stride>, 2> {
  world<Config, Stride> w;
  std::size_t bytes[2] = {};
  void thread(unsigned index) { bytes[index] = w.purge(); }
  void after() {
    const auto n = w.numbers();
    RL_ASSERT(n.purged == 2 && n.idle_purged == 2 && w.without_pages() == 2);
    RL_ASSERT(bytes[0] + bytes[1] == n.purged_bytes);
    w.finish();
  }
};

/// A purge while the idle memory is given back, and another thread gets.
template <class Config, std::size_t Stride, bool Gets>
struct purge_and_trim : rl::test_suite<purge_and_trim<Config, Stride, Gets>, Gets ? 3 : 2> {
  world<Config, Stride> w;
  void thread(unsigned index) {
    if (index == 0) w.purge();
    if (index == 1) w.core->trim(0);
    if (index == 2) w.get_and_put();
  }
  void after() {
    w.numbers();
    w.finish();
  }
};

/// Purging while the pool closes. No block is out, so all memory is given back, and the core ends
/// once.
template <class Config, std::size_t Stride = whole_pages, bool Out = false>
struct purge_and_close : rl::test_suite<purge_and_close<Config, Stride, Out>, Out ? 3 : 2> {
  world<Config, Stride> w;
  void* held = nullptr;
  void before() {
    if (Out) held = w.core->get();
  }
  void thread(unsigned index) {
    if (index == 0) w.purge();
    if (index == 1) w.core->close();
    if (index == 2) w.core->put(held);
    Config::env::end_thread();
  }
  void after() {
    RL_ASSERT(w.memory.bytes() == 0 && w.numbers().idle_purged == 0);
    w.core->release();
    w.done();
  }
};

/// A tick that drops the pages of surplus blocks, instead of giving the blocks back.
template <class Config, purge_mode Pages>
struct tick_and_get : rl::test_suite<tick_and_get<Config, Pages>, 2> {
  world<Config> w{{.aged_pages = Pages}};
  std::size_t evict = 0;
  void before() { tarn::detail::upkeep<Config>::tick(*w.core, {}); }
  void thread(unsigned index) {
    if (index == 0) {
      evict = w.tick();
    } else {
      w.get_and_put();
    }
  }
  void after() {
    const auto n = w.numbers();
    RL_ASSERT(n.aged == 0 && n.purged <= 2);
    RL_ASSERT(evict >= n.purged);
    w.finish();
  }
};

/// The same while the pool closes, with objects in the blocks: they are destroyed outside the lock.
template <class Config>
struct tick_and_close : rl::test_suite<tick_and_close<Config>, 2> {
  world<Config> w{{.keeps_objects = true, .aged_pages = purge_mode::at_once}};
  void before() { tarn::detail::upkeep<Config>::tick(*w.core, {}); }
  void thread(unsigned index) {
    index == 0 ? void(w.tick()) : w.core->close();
    Config::env::end_thread();
  }
  void after() {
    RL_ASSERT(w.memory.bytes() == 0);
    w.core->release();
    w.done();
  }
};

}  // namespace

namespace tarn::detail {

using config_parks_first = config<env, per_thread_shape, parks_first>;
using config_forgets_close = config<env, per_thread_shape, forgets_close>;
using env_leaves_unseen = model::relacy_env<leaves_unseen>;
using env_only_looks = model::relacy_env<only_looks>;

template <>
std::size_t upkeep<config_parks_first>::purge_blocks(core_type& c, tier_type& t, std::uint64_t most,
                                                     bool lazily) noexcept {
  const auto stride = t.home.shape.stride;
  std::size_t bytes = 0;
  void* taken[2];
  std::uint32_t count = 0;
  slab_list<env> whole;
  locked(t.lock, [&] {
    while (count != most && (taken[count] = t.home.take_resident()) != nullptr)
      ++count;
    for (std::uint32_t i = 0; i != count; ++i) {
      auto* const s = c.directory_.find(taken[i]);
      s->mark_purged(s->index_of(taken[i]));
      t.home.note_purged(1, stride);
      c.park(t, taken[i], whole, whole_slabs::carved);
    }
  });
  for (std::uint32_t i = 0; i != count; ++i)
    bytes += drop_inside(taken[i], stride, lazily);
  return bytes;
}
template <>
void core<config_forgets_close>::park(tier_state& t, void* block, slab_list<::env>& whole,
                                      whole_slabs going) noexcept {
  slab_type* const s = t.home.park(directory_.find(block), block, going);
  if (s == nullptr) return;
  slabs_.leave();
  whole.push(s);
}
template <>
void slab_departures<env_leaves_unseen>::leave() noexcept {}
template <>
auto depot<env_only_looks>::take_whole() noexcept -> slab_type* {
  return slabs.whole_resident();
}
template <>
void depot<env_only_looks>::put_back(slab_type* s, std::uint64_t purged,
                                     std::uint64_t bytes) noexcept {
  note_purged(purged, bytes);
  slabs.place(s);
}

}  // namespace tarn::detail

int main(int argc, char** argv) {
  using sound = config<env>;
  using stacked = config<env, lock_free_shape>;
  return model::run(
      {{"a purge and a get", model::all_of<purge_and_get<sound>, 2, 10'000>},
       {"a purge and a get, lock-free", model::all_of<purge_and_get<stacked>, 2, 10'000>},
       {"a purge of slabs and a get", model::all_of<purge_and_get<sound, torn_pages>, 2, 10'000>},
       {"a refused purge and a get", model::all_of<refused_and_get<sound, whole_pages>, 2, 10'000>},
       {"a refused purge of slabs and a get",
        model::all_of<refused_and_get<sound, torn_pages>, 2, 10'000>},
       {"two purges", model::all_of<two_purges<sound>, 2, 10'000>},
       {"two purges of slabs", model::all_of<two_purges<sound, torn_pages>, 2, 10'000>},
       {"a purge and a trim", model::all_of<purge_and_trim<sound, whole_pages, false>, 2, 10'000>},
       {"a purge of slabs and a trim",
        model::all_of<purge_and_trim<sound, torn_pages, false>, 2, 10'000>},
       {"a purge, a trim and a get",
        model::all_of<purge_and_trim<sound, whole_pages, true>, 1, 10'000>},
       {"a purge and a close", model::all_of<purge_and_close<sound>, 2, 10'000>},
       {"a purge of slabs and a close",
        model::all_of<purge_and_close<sound, torn_pages>, 2, 10'000>},
       {"a purge, a close and a put",
        model::all_of<purge_and_close<sound, whole_pages, true>, 1, 10'000>},
       {"a tick that purges, and a get",
        model::all_of<tick_and_get<sound, purge_mode::at_once>, 2, 10'000>},
       {"a tick that purges lazily, and a get",
        model::all_of<tick_and_get<sound, purge_mode::lazy>, 1, 10'000>},
       {"a tick that purges, and a close", model::all_of<tick_and_close<sound>, 2, 10'000>},
       {"a tick that purges, and a close, lock-free",
        model::all_of<tick_and_close<stacked>, 1, 10'000>},
       model::control<purge_and_get<tarn::detail::config_parks_first>>("parks_first"),
       model::control<tick_and_close<tarn::detail::config_forgets_close>>("forgets_close"),
       model::control<purge_and_get<config<tarn::detail::env_leaves_unseen>>, 1, 1'000>(
           "leaves_unseen"),
       model::control<purge_and_get<config<tarn::detail::env_only_looks>, torn_pages>>(
           "only_looks")},
      argc, argv);
}
