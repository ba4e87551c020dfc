// SPDX-License-Identifier: MIT
//
// Upkeep: ticks of `maintain` that meet each other, gets and puts, the end of a thread whose idle
// caches they reach, and the end of the pool.

#include <tarn/byte_pool.hpp>

#include "model/relacy_env.hpp"

namespace {

using tarn::detail::per_thread_shape;
using tarn::detail::tick_rules;

constexpr std::size_t stride = std::size_t{32} << 10;  // slabs of 2 blocks, caches of 2

/// Each fault is a separate configuration, with one function that differs.
template <class Env, class Fault = model::sound>
struct config : model::config<Env, per_thread_shape, true> {};

struct keeps_none;      // a tick gives back the number that it computed, whatever another tick has
                        // evicted meanwhile
struct looks_unlocked;  // the surplus is computed without the lock
struct reaches_over;    // the ticking thread empties the caches of other threads itself
struct marks_short;     // a cache is idle after any tick without a use
struct marks_no_use;    // a cache is idle after two ticks, used or not
struct leaves_early;    // a thread that ends gives its caches away before it has emptied them
struct settles_never;   // blocks that a tick has taken out come home unnoticed

using env = model::relacy_env<>;

/// Both of two threads that compete for a tick learn that they won.
struct generous : model::sound {
  template <class T>
  static constexpr bool compares = !std::is_same_v<T, std::int64_t>;
};

template <class Core>
std::size_t tick(Core& core, tick_rules rules) {
  return tarn::detail::upkeep<typename Core::config>::tick(core, rules);
}
/// A tick after one interval, the first of all, and a tick that leaves no unused block.
constexpr tick_rules next{.passed = 1, .halvings = 1};
constexpr tick_rules first{};
constexpr tick_rules all{.passed = 1, .halvings = tick_rules::all};

/// A core with one thread's idle blocks in it, and its invariants when no thread uses it.
template <class Config>
struct world {
  using env = typename Config::env;
  using core_type = model::core<Config>;
  model::memory memory;
  int ended = 0;
  core_type* core = nullptr;

  explicit world(tarn::detail::core_settings settings = {}) {
    env::begin();
    core = ::new core_type(memory, ended, {stride}, settings);
  }
  /// Makes `blocks` ready in the depot.
  void make_ready(unsigned blocks) {
    env::act_as(3, [&] {
      void* held[8];
      for (unsigned i = 0; i != blocks; ++i)
        held[i] = core->get();
      for (unsigned i = 0; i != blocks; ++i)
        core->put(held[i]);
      env::end_thread();
    });
  }
  [[nodiscard]] tarn::detail::tier_numbers numbers() {
    tarn::detail::tier_numbers all;
    core->read([&](const auto& n) { all = n; });
    // Conservation: no block is lost, no block is in two places.
    RL_ASSERT(all.created ==
              all.retired + all.ready + all.parked + all.sharded + all.gets - all.puts);
    return all;
  }
  void finish() {
    core->close();
    core->release();
    done();
  }
  void done() {
    RL_ASSERT(ended == 1);
    env::finish();
  }
};

/// Two ticks of one core at the same time: they evict as much as one tick, or as two successive
/// ticks.
template <class Config>
struct two_ticks : rl::test_suite<two_ticks<Config>, 2> {
  std::size_t evict[2] = {};
  world<Config> w;

  void before() {
    w.make_ready(8);
    tick(*w.core, first);
  }
  void thread(unsigned index) { evict[index] = tick(*w.core, next); }
  void after() {
    const auto n = w.numbers();
    RL_ASSERT(n.aged == evict[0] + evict[1]);
    RL_ASSERT(n.aged == 4 || n.aged == 6);  // half of 8; and half of the rest
    RL_ASSERT(n.ready == 8 - n.aged && n.retired == n.aged);
    RL_ASSERT(w.memory.bytes() == n.ready * stride);
    w.finish();
  }
};

/// The same through a pool, of which two threads call `maintain` in the same interval: one of them
/// does the work.
template <class Env>
struct pool_lock : model::mutex {
  using env = Env;
};
template <class Env>
struct two_maintains : rl::test_suite<two_maintains<Env>, 2> {
  using pool_type =
      tarn::byte_pool<tarn::thread_cached<pool_lock<Env>>, tarn::counting_stats,
                      tarn::traits<tarn::fixed_tiers<stride>, tarn::no_check, model::source>>;
  std::size_t evict[2] = {};
  model::memory memory;
  pool_type* pool = nullptr;

  void before() {
    Env::begin();
    tarn::options o;
    o.slab_bytes = 2 * stride;
    pool = ::new pool_type(o, {}, model::source{&memory});
    Env::act_as(3, [&] {
      void* held[8];
      for (auto& h : held)
        h = pool->allocate(stride);
      for (void* const h : held)
        pool->deallocate(h, stride);
      Env::end_thread();
    });
    maintain(0);
  }
  std::size_t maintain(int intervals) {
    const auto interval = tarn::options::default_decay_interval.count();
    return pool->maintain(tarn::time_span::of_nanoseconds(interval * intervals));
  }
  void thread(unsigned index) { evict[index] = maintain(1); }
  void after() {
    RL_ASSERT((evict[0] == 4 && evict[1] == 0) || (evict[0] == 0 && evict[1] == 4));
    RL_ASSERT(memory.bytes() == 4 * stride);
    delete pool;
    Env::finish();
  }
};

/// A tick while another thread gets blocks out of the depot, and puts them back.
template <class Config, unsigned Blocks>
struct tick_and_load : rl::test_suite<tick_and_load<Config, Blocks>, 2> {
  std::size_t evict = 0;
  world<Config> w;

  void before() {
    w.make_ready(4);
    tick(*w.core, first);
  }
  void thread(unsigned index) {
    if (index == 0) {
      evict = tick(*w.core, next);
    } else {
      void* held[Blocks];
      for (auto& h : held) {
        h = w.core->get();
        RL_ASSERT(h != nullptr);
      }
      for (void* const h : held)
        w.core->put(h);
    }
  }
  void after() {
    Config::env::act_as(1, [] { Config::env::end_thread(); });
    const auto n = w.numbers();
    RL_ASSERT(n.gets == 4 + Blocks && n.puts == n.gets && n.sharded == 0);
    RL_ASSERT(n.aged == evict && evict <= 4);
    RL_ASSERT(w.memory.bytes() >= (n.ready + n.parked) * stride);
    w.finish();
  }
};

/// Three ticks, while the owner of a cache gets more than it holds and puts it back: its slow paths
/// follow the ticks. Whatever the slow paths saw, in the end the cache is idle and its blocks go
/// home.
template <class Config>
struct ticks_and_owner : rl::test_suite<ticks_and_owner<Config>, 2> {
  static constexpr unsigned blocks = 3;
  world<Config> w;

  void before() {
    Config::env::act_as(1, [&] { use(); });
    tick(*w.core, first);
  }
  void use() {
    void* held[blocks];
    for (auto& h : held) {
      h = w.core->get();
      RL_ASSERT(h != nullptr);
    }
    for (void* const h : held)
      w.core->put(h);
  }
  void thread(unsigned index) {
    if (index == 0) {
      for (unsigned i = 0; i != 3; ++i)
        tick(*w.core, next);
    } else {
      use();
    }
  }
  void after() {
    using env = typename Config::env;
    const auto n = w.numbers();
    RL_ASSERT(n.gets == 2 * blocks && n.puts == 2 * blocks);
    for (unsigned i = 0; i != 3; ++i) {
      tick(*w.core, next);
      env::act_as(1, [] { env::registry().follow_orders(); });
    }
    RL_ASSERT(w.numbers().sharded == 0);
    env::act_as(1, [] { env::end_thread(); });
    w.finish();
  }
};

/// The owner's action between two looks at the ticks.
enum class between { nothing, use };

/// A cache keeps its blocks if it was idle for less than a whole tick, or used, whenever its owner
/// sees the ticks.
template <class Config, between Looks>
struct ticks_and_looks : rl::test_suite<ticks_and_looks<Config, Looks>, 2> {
  using env = typename Config::env;
  world<Config> w;

  void before() {
    env::act_as(1, [&] { use(); });
  }
  void use() { w.core->put(w.core->get()); }
  void thread(unsigned index) {
    if (index == 0) {
      tick(*w.core, next);
      tick(*w.core, next);
    } else {
      look();
      if (Looks == between::use) use();
      look();
    }
  }
  void look() {
    if (env::registry().has_orders()) env::registry().follow_orders();
  }
  void after() {
    RL_ASSERT(w.numbers().sharded == 1);
    env::act_as(1, [] { env::end_thread(); });
    w.finish();
  }
};

/// A tick while one thread ends, and another takes its caches over.
template <class Config>
struct tick_and_heir : rl::test_suite<tick_and_heir<Config>, 3> {
  using env = typename Config::env;
  world<Config> w;

  void before() {
    env::act_as(1, [&] {
      void* const a = w.core->get();
      void* const b = w.core->get();
      w.core->put(a);
      w.core->put(b);
    });
    tick(*w.core, first);
  }
  void thread(unsigned index) {
    if (index == 0) {
      tick(*w.core, next);
    } else if (index == 1) {
      env::end_thread();
    } else {
      void* const block = w.core->get();
      RL_ASSERT(block != nullptr);
      w.core->put(block);
      env::end_thread();
    }
  }
  void after() {
    const auto n = w.numbers();
    RL_ASSERT(n.gets == 3 && n.puts == 3 && n.sharded == 0);
    w.finish();
  }
};

/// A tick while the pool closes, with objects in its blocks: they are destroyed outside the lock.
/// If `Out`, the last block comes home meanwhile. The core ends, whichever thread is last.
template <class Config, bool Out>
struct tick_and_close : rl::test_suite<tick_and_close<Config, Out>, Out ? 3 : 2> {
  world<Config> w{{.keeps_objects = true}};
  void* held = nullptr;

  void before() {
    w.make_ready(2);
    tick(*w.core, first);
    if (Out) held = w.core->get();
  }
  void thread(unsigned index) {
    if (index == 0) tick(*w.core, all);
    if (index == 1) w.core->close();
    if (index == 2) w.core->put(held);
    Config::env::end_thread();
  }
  void after() {
    RL_ASSERT(w.memory.bytes() == 0);  // no block is out, so all memory has gone back
    w.core->release();
    w.done();
  }
};

}  // namespace

namespace tarn::detail {

template <>
std::size_t upkeep<config<env, keeps_none>>::age(core_type& c, std::uint32_t tier,
                                                 const tick_rules& rules) noexcept {
  auto& t = c.tiers_[tier];
  const auto gone = locked(t.lock, [&] { return surplus(c, t, t.home.ready(), rules); });
  return c.evict(tier, 0, evict_reason::aged, gone);
}
template <>
std::size_t upkeep<config<env, looks_unlocked>>::age(core_type& c, std::uint32_t tier,
                                                     const tick_rules& rules) noexcept {
  auto& t = c.tiers_[tier];
  const auto ready = c.ready_of(tier);
  const auto gone = surplus(c, t, ready, rules);
  return c.evict(tier, ready - gone, evict_reason::aged, gone);
}

template <>
std::size_t upkeep<config<env, reaches_over>>::tick(core_type& c,
                                                    const tick_rules& rules) noexcept {
  begin(c, rules);
  for (auto* s = c.shards_.load(std::memory_order::acquire); s != nullptr; s = s->next)
    c.flush_all(s);
  return 0;
}
template <>
void upkeep<config<env, marks_short>>::flush_idle(core_type& c) noexcept {
  shard_type* const s = c.find_shard();
  const auto ticks = c.upkeep_.ticks.load(std::memory_order::relaxed);
  const auto word = s->caches()[0].word.load(std::memory_order::relaxed);
  auto& mark = s->marks()[0];
  if (mark.word == word && ticks - mark.tick >= 1) c.flush(0);
  mark = {s->caches()[0].word.load(std::memory_order::relaxed), ticks};
}
template <>
void upkeep<config<env, marks_no_use>>::flush_idle(core_type& c) noexcept {
  shard_type* const s = c.find_shard();
  if (c.upkeep_.ticks.load(std::memory_order::relaxed) - s->marks()[0].tick >= 2) c.flush(0);
}
template <>
void core<config<env, leaves_early>>::leave(void* shard) noexcept {
  auto* const s = static_cast<shard_type*>(shard);
  keep_vacant(s);
  flush_all(s);
}
template <>
std::uint32_t core<config<env, settles_never>>::settled(tier_state& t) noexcept {
  if (rl::thread_index() == 0) return 0;
  if (!t.home.closed || t.home.settled || t.home.home() != t.home.live()) return 0;
  t.home.settled = true;
  return 1;
}

}  // namespace tarn::detail

int main(int argc, char** argv) {
  using sound = config<env>;
  return model::run(
      {{"two ticks", model::all_of<two_ticks<sound>, model::or_one_more(1), 5'000>},
       {"two calls of maintain", model::all_of<two_maintains<env>, model::or_one_more(1), 5'000>},
       {"a tick and a pair", model::all_of<tick_and_load<sound, 1>, 2, 10'000>},
       {"a tick and a load", model::all_of<tick_and_load<sound, 3>, 1, 20'000>},
       {"ticks and the owner of a cache", model::all_of<ticks_and_owner<sound>, 1, 10'000>},
       {"ticks and looks", model::all_of<ticks_and_looks<sound, between::nothing>, 2, 10'000>},
       {"ticks and uses", model::all_of<ticks_and_looks<sound, between::use>, 2, 10'000>},
       {"a tick and an heir", model::all_of<tick_and_heir<sound>, 1, 15'000>},
       {"a tick and a close", model::all_of<tick_and_close<sound, false>, 2, 10'000>},
       {"a tick, a close and a put", model::all_of<tick_and_close<sound, true>, 1, 15'000>},
       model::control<two_ticks<config<env, keeps_none>>>("keeps_none"),
       model::control<two_maintains<model::relacy_env<generous>>>("both_tick"),
       model::control<tick_and_load<config<env, looks_unlocked>, 1>, 1, 10'000>("looks_unlocked"),
       model::control<ticks_and_owner<config<env, reaches_over>>>("reaches_over"),
       model::control<ticks_and_looks<config<env, marks_short>, between::nothing>, 2, 1'000>(
           "marks_short"),
       model::control<ticks_and_looks<config<env, marks_no_use>, between::use>, 2, 1'000>(
           "marks_no_use"),
       model::control<tick_and_heir<config<env, leaves_early>>>("leaves_early"),
       model::control<tick_and_close<config<env, settles_never>, false>>("settles_never")},
      argc, argv);
}
