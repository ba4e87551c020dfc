// SPDX-License-Identifier: MIT
//
// The lock-free ring: a reader sees whole values in the order of their pushes, and a pusher that
// another one overtakes by a whole ring does no damage.

#include "model/relacy_env.hpp"

#include <tarn/value/ring_queue.hpp>

namespace {

/// Two words that belong together.
struct pair {
  std::uint64_t first;
  std::uint64_t second;
};

template <class Env>
using ring_of = tarn::ring_queue<pair, Env>;

/// Whether the reader is running: only then may a control return a wrong value.
bool reading = false;

template <class Ring>
void look(const Ring& ring, std::size_t capacity) {
  const auto seen = ring.values();
  RL_ASSERT(seen.size() <= capacity);
  std::uint64_t last[model::most_threads] = {};
  for (const auto& v : seen) {
    RL_ASSERT(v.first != 0 && v.second == ~v.first);  // else: torn, or never written
    const auto thread = v.first / 16;
    RL_ASSERT(v.first > last[thread]);  // else: the order of one pusher is lost
    last[thread] = v.first;
  }
}

template <class Env, unsigned Pushers, unsigned Pushes, std::size_t Capacity,
          class Ring = ring_of<Env>>
struct pushes_and_reads : rl::test_suite<pushes_and_reads<Env, Pushers, Pushes, Capacity, Ring>,
                                         static_cast<rl::thread_id_t>(Pushers + 1)> {
  Ring ring{Capacity};

  void before() { reading = false; }
  void thread(unsigned index) {
    if (index == Pushers) {
      reading = true;
      look(ring, Capacity);
      reading = false;
    } else {
      for (unsigned i = 0; i != Pushes; ++i) {
        const std::uint64_t n = (index + 1) * 16 + i;
        ring.push({n, ~n});
      }
    }
  }
  void after() {
    reading = false;
    look(ring, Capacity);
    // No slot is left in the state "being written".
    for (std::uint64_t i = 0; i != Capacity; ++i)
      ring.push({i + 1, ~(i + 1)});
    RL_ASSERT(ring.values().size() == Capacity);
  }
};

/// A reader that clears: values that are pushed later are in the ring.
struct clears : rl::test_suite<clears, 3> {
  ring_of<model::relacy_env<>> ring{2};
  void thread(unsigned index) {
    if (index == 2) {
      ring.clear();
      look(ring, 2);
    } else {
      ring.push({index * 16 + 1, ~(index * 16ull + 1)});
    }
  }
  void after() {
    RL_ASSERT(ring.size() <= 2);
    ring.clear();
    RL_ASSERT(ring.values().empty());
    ring.push({1, ~1ull});
    RL_ASSERT(ring.values().size() == 1);
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

/// Broken: a sequence that never says that a slot is being written.
struct never_odd : model::sound {
  template <class T>
  static constexpr T stored(T value) {
    return value > 1 && value < 16 ? (value + 1) & ~T{1} : value;  // sequences; values are larger
  }
};

/// Broken: takes the content of a slot unchecked: the last check of the sequence is answered by the
/// first.
template <class T>
struct trusting_atomic : model::atomic<T, model::sound> {
  using base = model::atomic<T, model::sound>;
  using base::base;
  mutable T last{};
  mutable bool told = false;

  T load(std::memory_order order) const {
    const bool is_reader = reading && rl::thread_index() == 2;
    if (told && is_reader && order == std::memory_order::relaxed) return last;
    told = is_reader;
    return last = base::load(order);
  }
};
struct trusting_env : model::relacy_env<> {
  template <class T>
  using atomic = trusting_atomic<T>;
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  return model::run(
      {{"two pushers, one reader, one slot", model::all_of<pushes_and_reads<env, 2, 1, 1>, 3>},
       {"two pushers twice, one slot", model::all_of<pushes_and_reads<env, 2, 2, 1>, 2>},
       {"two pushers twice, two slots", model::all_of<pushes_and_reads<env, 2, 2, 2>, 2>},
       {"three pushers, one reader", model::all_of<pushes_and_reads<env, 3, 1, 2>, 2>},
       {"clearing", model::all_of<clears, 3>},
       model::control<pushes_and_reads<model::relacy_env<never_odd>, 2, 1, 1>, 3>("never_odd"),
       model::control<pushes_and_reads<trusting_env, 2, 2, 1>, 2>("reads_once"),
       model::control<pushes_and_reads<model::relacy_env<relaxed_stores>, 2, 2, 1>, 2>(
           "stores_relaxed"),
       model::control<pushes_and_reads<model::relacy_env<relaxed_loads>, 2, 2, 1>, 2>(
           "loads_relaxed")},
      argc, argv);
}
