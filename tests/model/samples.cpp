// SPDX-License-Identifier: MIT
//
// The table of blocks that are followed. An entry is written by the thread that gets a block,
// emptied by the thread that puts it, perhaps another one, and read meanwhile. A reader sees whole
// samples; no sample is lost, and none stays.

#include "model/relacy_env.hpp"

#include <tarn/detail/samples/sample_table_slow.hpp>

namespace {

using tarn::call_site;
using tarn::detail::per_thread_shape;
using tarn::detail::sample;
using tarn::detail::sample_table;
using tarn::detail::single_shape;

using env = model::relacy_env<>;

/// All fields of a sample except its address and its number follow from its line.
constexpr std::uint32_t most_lines = 8;
constexpr const char* files[most_lines] = {"0", "1", "2", "3", "4", "5", "6", "7"};
constexpr std::size_t size_of(std::uint32_t line) { return 100 + line; }
constexpr std::uint64_t weight_of(std::uint32_t) { return 1; }

/// Blocks whose samples begin to search for a place at the same slot: every second unit of memory.
inline void* const blocks[] = {reinterpret_cast<void*>(0x10000), reinterpret_cast<void*>(0x30000),
                               reinterpret_cast<void*>(0x50000), reinterpret_cast<void*>(0x70000)};

template <class Table>
void remember(Table& table, unsigned block, std::uint32_t line) {
  table.remember(blocks[block], size_of(line), weight_of(line), {files[line], line});
}

/// Reads the table. Returns: how many samples it has.
template <class Table>
unsigned look(const Table& table, const void* must_be_there = nullptr) {
  unsigned count = 0;
  std::uint64_t ids[2] = {};
  bool found = must_be_there == nullptr;
  table.for_each([&](const sample& s) {
    const auto line = s.where.line();
    RL_ASSERT(line != 0 && line < most_lines);  // else: never written
    RL_ASSERT(s.where.file_name() == files[line]);
    RL_ASSERT(s.size == size_of(line) && s.weight == weight_of(line));  // else: torn
    RL_ASSERT(s.since == 0);
    RL_ASSERT(count < 2);
    for (unsigned i = 0; i != count; ++i)
      RL_ASSERT(ids[i] != s.id);  // else: one sample, seen twice
    ids[count++] = s.id;
    found = found || s.block == must_be_there;
  });
  RL_ASSERT(found);
  return count;
}

/// The number of samples that were removed.
template <class Table>
std::uint64_t forgotten(const Table& table) {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i != Table::lifetimes; ++i)
    all += table.lifetime(i);
  return all;
}

/// The invariants of a table when no thread uses it; then all samples are removed.
template <class Table>
void empty(Table& table) {
  RL_ASSERT(table.remembered() == look(table) + forgotten(table));
  for (void* const b : blocks)
    table.forget(b);
  RL_ASSERT(look(table) == 0);
  RL_ASSERT(table.remembered() == forgotten(table));
  for (void* const b : blocks)
    RL_ASSERT(!table.may_know(b));
}

/// One thread adds the sample of a block and hands the block over; another thread removes the
/// sample, and then gets the block itself. A third thread reads, and always finds the blocks that
/// are out.
template <class Env>
struct hand_over : rl::test_suite<hand_over<Env>, 3> {
  sample_table<Env> table;
  rl::atomic<void*> passed;

  void before() {
    passed(RL_INFO).store(nullptr, rl::mo_relaxed);
    remember(table, 3, 7);
  }
  void thread(unsigned index) {
    if (index == 0) {
      remember(table, 0, 1);
      // The weakest order for handing a block over.
      passed(RL_INFO).store(blocks[0], rl::mo_release);
    } else if (index == 1) {
      if (void* const block = passed(RL_INFO).load(rl::mo_acquire)) {
        RL_ASSERT(table.may_know(block));
        table.forget(block);
        remember(table, 0, 2);
      }
    } else {
      look(table, blocks[3]);
    }
  }
  void after() {
    RL_ASSERT(look(table) == 2 && table.refused() == 0);
    RL_ASSERT(forgotten(table) == table.next_id() - 2);
    empty(table);
  }
};

/// Two threads add and remove samples of one home: the first samples of all, so they meet where the
/// slots are made. A sample that loses each slot to the other one finds no place, and is counted.
template <class Env, std::uint32_t Turns>
struct first_samples : rl::test_suite<first_samples<Env, Turns>, 2> {
  sample_table<Env> table;

  void thread(unsigned index) {
    for (std::uint32_t turn = 0; turn != Turns; ++turn) {
      remember(table, index, 1 + 2 * index + turn);
      if (table.refused() == 0) {
        RL_ASSERT(table.may_know(blocks[index]));
        look(table, blocks[index]);
      }
      table.forget(blocks[index]);
    }
  }
  void after() {
    RL_ASSERT(look(table) == 0);
    RL_ASSERT(forgotten(table) + table.refused() == 2 * Turns);
    empty(table);
  }
};

/// More samples than slots: two find a place, the others are counted, and to remove those has no
/// effect.
template <class Env>
struct too_many : rl::test_suite<too_many<Env>, 3> {
  sample_table<Env> table;

  void thread(unsigned index) {
    if (index == 2) {
      look(table);
    } else {
      remember(table, 2 * index, 1 + 2 * index);
      remember(table, 2 * index + 1, 2 + 2 * index);
    }
  }
  void after() {
    RL_ASSERT(look(table) == 2);
    RL_ASSERT(table.refused() == 2 && table.remembered() == 2);
    empty(table);
  }
};

/// Follows each block that is got.
struct follower : model::silent {
  static void on_get(std::uint32_t, std::size_t, std::uint64_t = 0) {}
  static std::uint64_t number() { return 0; }
  static bool is_due(std::uint64_t) { return true; }
  static std::uint64_t choose(bool) { return 1; }
};
template <class Env, class Shape = per_thread_shape, class Fault = model::sound>
struct following : model::config<Env, Shape, true> {
  using recorder = follower;
  using shared_recorder = follower;
  using samples = sample_table<Env>;
};

/// Through a core: one thread gets a block and hands it over, another one gives it back, a third
/// one reads the samples, or closes the pool.
enum class third { reads, closes };
template <class Config, third Does>
struct get_put_and_read : rl::test_suite<get_put_and_read<Config, Does>, 3> {
  using Env = typename Config::env;
  model::memory memory;
  int ended = 0;
  model::core<Config>* core = nullptr;
  rl::atomic<void*> passed;
  void* first = nullptr;
  static constexpr std::size_t stride = std::size_t{32} << 10;

  void before() {
    Env::begin();
    passed(RL_INFO).store(nullptr, rl::mo_relaxed);
    core = ::new model::core<Config>(memory, ended, {stride});
    Env::act_as(0, [&] { core->put(core->get()); });
    Env::act_as(1, [&] { first = core->get(); });
  }
  void thread(unsigned index) {
    if (index == 0) {
      if (Does == third::reads) core->put(core->get());
      void* const block = core->get();
      if (block == nullptr) return;  // closed
      memory.let_go(block);
      passed(RL_INFO).store(block, rl::mo_release);
    } else if (index == 1) {
      core->put(first);
      if (void* const block = passed(RL_INFO).load(rl::mo_acquire)) {
        core->give(0, block);
        passed(RL_INFO).store(nullptr, rl::mo_relaxed);
      }
    } else if (Does == third::closes) {
      core->close();
    } else {
      core->sampled().for_each(
          [](const sample& s) { RL_ASSERT(s.block != nullptr && s.size == 1 && s.weight == 1); });
    }
  }
  void after() {
    void* const block = passed(RL_INFO).load(rl::mo_relaxed);
    unsigned out = 0;
    core->sampled().for_each([&](const sample& s) {
      RL_ASSERT(s.block == block);
      ++out;
    });
    RL_ASSERT(out == (block != nullptr ? 1 : 0));
    RL_ASSERT(core->sampled().refused() == 0);
    RL_ASSERT(core->sampled().most_in_use(0) <= 2);
    if (block != nullptr) core->give(0, block);
    RL_ASSERT(forgotten(core->sampled()) == core->sampled().next_id());
    core->read([](const auto& n) { RL_ASSERT(n.gets == n.puts); });
    for (unsigned i = 0; i != 3; ++i)
      Env::act_as(i, [] { Env::end_thread(); });
    core->close();
    core->release();
    RL_ASSERT(ended == 1);
    Env::finish();
  }
};

struct relaxed_stores : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::release ? std::memory_order::relaxed : o;
  }
};
struct relaxed_loads : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acquire ? std::memory_order::relaxed : o;
  }
};

struct reads_once : model::sound {};
struct claims_blindly : model::sound {};
struct forgets_late;

}  // namespace

namespace tarn::detail {

/// Broken: takes the content of a slot unchecked.
template <>
bool sample_table<model::relacy_env<reads_once>>::read(const store& s, std::size_t slot,
                                                       sample& into) noexcept {
  const auto& d = s.of[slot];
  constexpr auto with = std::memory_order::acquire;
  if ((d.sequence.load(with) & 1) != 0) return false;
  into.block = s.keys[slot].load(with);
  if (into.block == nullptr) return false;
  into.size = d.size.load(with);
  into.weight = d.weight.load(with);
  into.since = d.since.load(with);
  into.id = d.id.load(with);
  const char* const file = d.file.load(with);
  into.where = {file, d.line.load(with)};
  return true;
}
/// Broken: two threads may claim one slot.
template <>
bool sample_table<model::relacy_env<claims_blindly>>::try_write(store& s, std::size_t slot,
                                                                const sample& what) noexcept {
  auto& d = s.of[slot];
  const auto seen = d.sequence.load(std::memory_order::acquire);
  if ((seen & 1) != 0 || s.keys[slot].load(std::memory_order::relaxed) != nullptr) return false;
  constexpr auto published = std::memory_order::release;
  d.sequence.store(seen + 1, published);
  d.size.store(what.size, published);
  d.weight.store(what.weight, published);
  d.since.store(what.since, published);
  d.id.store(what.id, published);
  d.file.store(what.where.file_name(), published);
  d.line.store(what.where.line(), published);
  s.keys[slot].store(what.block, published);
  d.sequence.store(seen + 2, published);
  return true;
}

/// Broken: a sample is removed when another thread may already have the block.
using config_forgets_late = following<env, single_shape, forgets_late>;
template <>
void recording_core<core<config_forgets_late>, config_forgets_late>::give_sampled(
    std::uint32_t tier, void* block) noexcept {
  self().give_unsampled(tier, block, self().place_of(tier));
  samples_.forget(block);
}

}  // namespace tarn::detail

int main(int argc, char** argv) {
  using stores = model::relacy_env<relaxed_stores>;
  using loads = model::relacy_env<relaxed_loads>;
  using once = model::relacy_env<reads_once>;
  using blindly = model::relacy_env<claims_blindly>;
  return model::run(
      {{"a block is handed over", model::all_of<hand_over<env>, 2, 30'000>},
       {"the first samples", model::all_of<first_samples<env, 1>, 1, 30'000>},
       {"the first samples, twice", model::all_of<first_samples<env, 2>, 0, 100'000>},
       {"too many samples", model::all_of<too_many<env>, 1, 30'000>},
       {"through a core", model::all_of<get_put_and_read<following<env>, third::reads>, 0, 40'000>},
       {"through a core with one lock",
        model::all_of<get_put_and_read<following<env, single_shape>, third::reads>, 0, 40'000>},
       {"through a core that closes",
        model::all_of<get_put_and_read<following<env>, third::closes>, 0, 40'000>},
       model::control<hand_over<stores>>("stores_relaxed"),
       model::control<hand_over<loads>>("loads_relaxed"),
       model::control<hand_over<once>, 1, 1'000>("reads_once"),
       model::control<too_many<blindly>>("claims_blindly"),
       model::control<get_put_and_read<tarn::detail::config_forgets_late, third::reads>>(
           "forgets_late")},
      argc, argv);
}
