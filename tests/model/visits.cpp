// SPDX-License-Identifier: MIT
//
// Visits to an object that another thread ends: the end waits for the visits and sees their
// accesses, and no visit begins after it.

#include <tarn/detail/events/visits.hpp>

#include "model/relacy_env.hpp"

namespace model {

using open_visits = tarn::detail::visits<relacy_env<>>;
struct word_tag {
  using type = relacy_env<>::atomic<std::uint32_t> open_visits::*;
  friend type member_of(word_tag);
};
template struct open_up<word_tag, &open_visits::word_>;

}  // namespace model

namespace {

/// Two visitors and the thread that ends the object. Relacy finds races for its cells, a visitor
/// that is too late, and an end that waits for ever.
template <class Env, class Enter>
struct visit_and_end : rl::test_suite<visit_and_end<Env, Enter>, 3> {
  tarn::detail::visits<Env>* v = nullptr;
  rl::var<int> object[2];
  bool is_there = true;  // relacy runs one thread at a time

  void before() {
    Env::begin();
    v = ::new tarn::detail::visits<Env>();
    object[0](RL_INFO).store(0);
    object[1](RL_INFO).store(0);
  }
  void thread(unsigned index) {
    if (index == 2) {
      v->end();
      is_there = false;
      object[0](RL_INFO).store(-1);
      object[1](RL_INFO).store(-1);
      return;
    }
    for (int turn = 0; turn != 2; ++turn) {
      if (!Enter::enter(*v)) continue;
      RL_ASSERT(is_there);
      object[index](RL_INFO).store(object[index](RL_INFO).load() + 1);
      RL_ASSERT(is_there);
      v->leave();
    }
  }
  void after() {
    RL_ASSERT(v->ended());
    RL_ASSERT(!v->try_enter());
    ::delete v;
    Env::finish();
  }
};

struct as_it_is {
  template <class Visits>
  static bool enter(Visits& v) {
    return v.try_enter();
  }
};
/// Broken: looks first and counts later.
struct in_two_steps {
  template <class Visits>
  static bool enter(Visits& v) {
    if (v.ended()) return false;
    (v.*member_of(model::word_tag())).fetch_add(1, std::memory_order::relaxed);
    return true;
  }
};

struct silent : model::sound {
  static constexpr bool notifies = false;
};
struct relaxed_leaves : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::release ? std::memory_order::relaxed : o;
  }
};
struct relaxed_ends : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acquire ? std::memory_order::relaxed : o;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  return model::run(
      {{"visits and an end", model::all_of<visit_and_end<env, as_it_is>>},
       model::control<visit_and_end<model::relacy_env<silent>, as_it_is>, 2>("no_notification"),
       model::control<visit_and_end<model::relacy_env<relaxed_leaves>, as_it_is>>("leaves_relaxed"),
       model::control<visit_and_end<model::relacy_env<relaxed_ends>, as_it_is>>("ends_relaxed"),
       model::control<visit_and_end<env, in_two_steps>>("two_steps")},
      argc, argv);
}
