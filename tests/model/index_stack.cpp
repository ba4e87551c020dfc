// SPDX-License-Identifier: MIT
//
// The index stack: no block is lost, no block is given out twice, and the next owner of a block
// sees the writes of the previous one.

#include "model/relacy_env.hpp"

namespace {

template <class Env, unsigned Threads, unsigned Rounds>
struct pops_and_pushes
    : rl::test_suite<pops_and_pushes<Env, Threads, Rounds>, static_cast<rl::thread_id_t>(Threads)> {
  static constexpr std::uint32_t blocks = 3;
  tarn::detail::index_stack<Env> stack;
  typename Env::template atomic<std::uint32_t> links[blocks];
  model::var<int> contents[blocks];
  bool is_out[blocks] = {};

  auto& link(std::uint32_t i) { return links[i]; }
  std::uint32_t pop() {
    const auto i = stack.pop([this](std::uint32_t n) -> auto& { return link(n); });
    if (i == stack.none) return i;
    RL_ASSERT(i < blocks && !is_out[i]);
    is_out[i] = true;
    contents[i] = contents[i] + 1;  // a race, if the hand-over does not order the accesses
    return i;
  }
  bool push(std::uint32_t first, std::uint32_t last) { return stack.push(first, link(last)); }
  bool give(std::uint32_t i) {
    is_out[i] = false;
    contents[i] = contents[i] + 1;
    return push(i, i);
  }

  void before() {
    for (auto& c : contents)
      c = 0;
    for (std::uint32_t i = 0; i != blocks; ++i)
      RL_ASSERT(push(i, i));
  }
  void thread(unsigned) {
    for (unsigned round = 0; round != Rounds; ++round) {
      const auto one = pop();
      const auto other = pop();
      if (one != stack.none) RL_ASSERT(give(one));
      if (other != stack.none) RL_ASSERT(give(other));
    }
  }
  void after() {
    for (std::uint32_t i = 0; i != blocks; ++i)
      RL_ASSERT(pop() != stack.none);
    RL_ASSERT(pop() == stack.none);
  }
};

/// A tick marks the blocks on the stack while others pop and push; the next tick relies on the
/// marks.
template <class Env>
struct marking : pops_and_pushes<Env, 3, 1> {
  using base = pops_and_pushes<Env, 3, 1>;
  using base::blocks, base::stack, base::links;

  void thread(unsigned index) {
    if (index != 0) return base::thread(index);
    std::uint32_t seen = 0;
    for (auto i = stack.peek(); i != stack.none && seen != blocks; ++seen)
      i = stack.index_in(links[i].fetch_or(stack.still_bit, std::memory_order::acquire));
  }
  void after() {
    // All threads are at rest: exactly the blocks that were popped and pushed again have lost their
    // mark.
    std::uint32_t marked = 0;
    for (auto i = stack.peek(); i != stack.none;) {
      const auto link = links[i].fetch_or(stack.still_bit, std::memory_order::relaxed);
      i = stack.index_in(link);
    }
    const auto one = base::pop();
    RL_ASSERT(one != stack.none && base::give(one));
    std::uint32_t n = 0;
    for (auto i = stack.peek(); i != stack.none; ++n) {
      const auto link = links[i].load(std::memory_order::acquire);
      RL_ASSERT(((link & stack.still_bit) == 0) == (i == one));
      marked += (link & stack.still_bit) != 0;
      i = stack.index_in(link);
    }
    RL_ASSERT(n == blocks && marked == blocks - 1);
    base::after();
  }
};

/// Trimming and closing take the whole chain while others pop and push.
struct take_all : pops_and_pushes<model::relacy_env<>, 2, 1> {
  // Relacy needs the type that it explores among its parameters.
  using base = pops_and_pushes<model::relacy_env<>, 2, 1>;
  std::uint32_t taken = 0;

  std::uint32_t take_out(std::uint32_t first) {
    std::uint32_t n = 0;
    for (auto i = first; i != stack.none; ++n) {
      RL_ASSERT(!is_out[i]);
      is_out[i] = true;
      contents[i] = contents[i] + 1;
      i = links[i].load(std::memory_order::relaxed);
    }
    return n;
  }
  void thread(unsigned index) {
    if (index == 0) {
      const auto i = pop();
      if (i != stack.none && !give(i)) {
        ++taken;  // closed: it stays out
      }
    } else {
      const auto chain = stack.take_all(false);
      if (chain != stack.none) {
        is_out[chain] = true, contents[chain] = contents[chain] + 1;
        const auto rest = links[chain].load(std::memory_order::relaxed);
        taken += take_out(rest) + 1;
        if (give(chain)) --taken;
      }
      taken += take_out(stack.take_all(true));
    }
  }
  void after() {
    RL_ASSERT(taken == blocks);
    RL_ASSERT(pop() == stack.none);
    RL_ASSERT(!give(0));  // it is closed
  }
};

/// Threads take two blocks by one exchange and push them back by another one.
template <class Env>
struct chains : pops_and_pushes<Env, 3, 1> {
  using base = pops_and_pushes<Env, 3, 1>;
  using base::blocks, base::stack, base::links, base::is_out, base::contents;

  void own(std::uint32_t i, bool out) {
    RL_ASSERT(i < blocks && is_out[i] != out);
    is_out[i] = out;
    contents[i] = contents[i] + 1;
  }
  void thread(unsigned index) {
    if (index == 0) return base::thread(index);
    const auto taken =
        stack.try_pop_chain(2, [this](std::uint32_t n) -> auto& { return links[n]; });
    if (taken.first == stack.none) return;
    own(taken.first, true);
    if (taken.first == taken.last) {
      RL_ASSERT(base::give(taken.first));
      return;
    }
    RL_ASSERT(stack.index_in(links[taken.first].load(std::memory_order::relaxed)) == taken.last);
    own(taken.last, true);
    own(taken.first, false);
    own(taken.last, false);
    RL_ASSERT(base::push(taken.first, taken.last));
  }
};

struct untagged : model::sound {
  /// The tag never exceeds the value that the first operation sets.
  template <class T>
  static constexpr T stored(T value) {
    return sizeof(T) == 8 ? value & 0xffffffffu : value;
  }
};
struct relaxed_push : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::release ? std::memory_order::relaxed : o;
  }
};
struct relaxed_pop : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acquire ? std::memory_order::relaxed : o;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  return model::run(
      {{"three threads", model::all_of<pops_and_pushes<env, 3, 1>, 2>},
       {"two threads, twice", model::all_of<pops_and_pushes<env, 2, 2>, 3>},
       {"taking all, closing", model::all_of<take_all, 4>},
       {"marking", model::all_of<marking<env>, 2>},
       {"chains", model::all_of<chains<env>, 2>},
       model::control<pops_and_pushes<model::relacy_env<untagged>, 2, 2>, 2>("tag_stays"),
       model::control<chains<model::relacy_env<untagged>>, 2>("tag_stays_in_chains"),
       model::control<pops_and_pushes<model::relacy_env<relaxed_push>, 2, 1>>("push_relaxed"),
       model::control<pops_and_pushes<model::relacy_env<relaxed_pop>, 2, 1>>("pop_relaxed")},
      argc, argv);
}
