// SPDX-License-Identifier: MIT
//
// Rule "Permits": bounded means exact, and a thread that waits for a permit gets it. Permits are
// taken, given back and waited for, and end with the last permit that comes home.

#include <tarn/detail/shared/permits.hpp>

#include "model/relacy_env.hpp"

namespace model {

using open_permits = tarn::detail::permits<relacy_env<>>;
struct word_tag {
  using type = relacy_env<>::atomic<std::uint64_t> open_permits::*;
  friend type member_of(word_tag);
};
struct gifts_tag {
  using type = relacy_env<>::atomic<std::uint32_t> open_permits::*;
  friend type member_of(gifts_tag);
};
template struct open_up<word_tag, &open_permits::word_>;
template struct open_up<gifts_tag, &open_permits::gifts_>;

}  // namespace model

namespace {

/// A plain cell whose end is a write: an unordered read after it is found as a race.
template <class T>
class ending_var : public model::var<T> {
 public:
  using model::var<T>::var;
  ending_var& operator=(const ending_var& from) { return *this = static_cast<T>(from); }
  ending_var& operator=(T value) {
    model::var<T>::operator=(value);
    return *this;
  }
  ~ending_var() { *this = T(); }
};
template <class Faults = model::sound>
struct ending_env : model::relacy_env<Faults> {
  template <class T>
  using cell = ending_var<T>;
};

constexpr std::int64_t never = INT64_MAX;
constexpr std::int64_t some_time = 1;

/// The data that permits guard: at most as many threads as there are permits, and each thread sees
/// the accesses of the previous thread with its permit.
struct guarded {
  rl::var<int> contents{0};
  int inside = 0;  // relacy runs one thread at a time

  void use(int most) {
    RL_ASSERT(++inside <= most);
    contents(RL_INFO).store(contents(RL_INFO).load() + 1);
    --inside;
  }
};

/// All threads want the same permit: one tries once, the others wait for it, with or without a
/// deadline.
template <class Env, std::int64_t Deadline>
struct take_wait_and_give : rl::test_suite<take_wait_and_give<Env, Deadline>, 3> {
  using permits = tarn::detail::permits<Env>;
  permits* p = nullptr;
  guarded what;
  int used[3] = {};

  void before() {
    Env::begin();
    p = ::new permits(1);
  }
  void thread(unsigned index) {
    std::uint32_t now = 0;
    const bool taken =
        index == 0 ? p->try_take() : p->take_until(index == 1 ? never : Deadline, now);
    if (!taken) return;
    used[index] = 1;
    what.use(1);
    p->give();
  }
  void after() {
    RL_ASSERT(used[1] == 1);
    RL_ASSERT(used[2] == 1 || Deadline != never);
    RL_ASSERT(p->try_take());
    RL_ASSERT(!p->try_take());
    p->give();
    p->end();
    Env::finish();
  }
};

/// A wake that reaches a thread whose time is over is not lost for the thread that waits for ever.
template <class Env>
struct one_leaves_one_stays : rl::test_suite<one_leaves_one_stays<Env>, 3> {
  using permits = tarn::detail::permits<Env>;
  permits* p = nullptr;
  guarded what;

  void before() {
    Env::begin();
    p = ::new permits(1);
    RL_ASSERT(p->try_take());
  }
  void thread(unsigned index) {
    std::uint32_t now = 0;
    if (index == 0) {
      what.use(1);
      p->give();
    } else if (p->take_until(index == 1 ? never : some_time, now)) {
      what.use(1);
      p->give();
    }
  }
  void after() {
    p->end();
    Env::finish();
  }
};

/// A control: a waiting thread looks at the permits first and at the gifts afterwards.
struct looks_too_early : rl::test_suite<looks_too_early, 2> {
  using Env = model::relacy_env<>;
  using permits = tarn::detail::permits<Env>;
  static constexpr std::uint64_t waiter = std::uint64_t{1} << 32;
  permits* p = nullptr;

  void before() {
    Env::begin();
    p = ::new permits(1);
    RL_ASSERT(p->try_take());
  }
  void thread(unsigned index) {
    if (index == 0) return p->give();
    auto& word = p->*member_of(model::word_tag{});
    auto& gifts = p->*member_of(model::gifts_tag{});
    word.fetch_add(waiter, std::memory_order::relaxed);
    for (;;) {
      auto now = word.load(std::memory_order::relaxed);
      if (static_cast<std::uint32_t>(now) != 0 &&
          word.compare_exchange_strong(now, now - waiter - 1, std::memory_order::acquire,
                                       std::memory_order::relaxed)) {
        return p->give();
      }
      const auto heard = gifts.load(std::memory_order::acquire);  // too late: after the look
      static_cast<void>(Env::wait_until(gifts, heard, never));
    }
  }
  void after() {
    p->end();
    Env::finish();
  }
};

/// Closing wakes all threads that wait, also at a child, and they leave without a permit.
template <class Env>
struct close_and_wait : rl::test_suite<close_and_wait<Env>, 2> {
  using permits = tarn::detail::permits<Env>;
  permits* root = nullptr;
  permits* child = nullptr;

  void before() {
    Env::begin();
    root = ::new permits(2);
    child = ::new permits(1);
    RL_ASSERT(root->reserve(*child) == tarn::detail::reserved::granted);
    RL_ASSERT(child->try_take());
  }
  void thread(unsigned index) {
    if (index == 0) {
      std::uint32_t now = 0;
      RL_ASSERT(!child->take_until(never, now));
    } else {
      root->close();
    }
  }
  void after() {
    RL_ASSERT(!root->try_take());
    root->end();
    child->end();
    child->give();  // the last one frees both
    Env::finish();
  }
};

/// The pool, a consumer and its last message end at the same time, in any order: each part is freed
/// once, and by the last of them.
template <class Env>
struct all_go_at_once : rl::test_suite<all_go_at_once<Env>, 3> {
  using permits = tarn::detail::permits<Env>;
  permits* root = nullptr;
  permits* child = nullptr;

  void before() {
    Env::begin();
    root = ::new permits(2);
    child = ::new permits(2);
    RL_ASSERT(root->reserve(*child) == tarn::detail::reserved::granted);
    RL_ASSERT(child->try_take());
  }
  void thread(unsigned index) {
    if (index == 0) root->end();
    if (index == 1) child->end();
    if (index == 2) child->give();
  }
  void after() { Env::finish(); }  // relacy finds leaks, and objects that were freed twice
};

/// The permits that a consumer held at its end return to the threads that wait at the pool.
template <class Env>
struct child_goes_while_one_waits : rl::test_suite<child_goes_while_one_waits<Env>, 3> {
  using permits = tarn::detail::permits<Env>;
  permits* root = nullptr;
  permits* child = nullptr;

  void before() {
    Env::begin();
    root = ::new permits(1);
    child = ::new permits(1);
    RL_ASSERT(root->reserve(*child) == tarn::detail::reserved::granted);
    RL_ASSERT(child->try_take());
  }
  void thread(unsigned index) {
    if (index == 0) child->end();
    if (index == 1) child->give();
    std::uint32_t now = 0;
    if (index == 2) RL_ASSERT(root->take_until(never, now));
  }
  void after() {
    root->give();
    root->end();
    Env::finish();
  }
};

/// The mark of the most permits that were taken at once is no lower than what was held at some
/// moment, and no higher than what there is.
template <class Env, bool ReadsLater>
struct mark_of_the_most : rl::test_suite<mark_of_the_most<Env, ReadsLater>, 3> {
  using permits = tarn::detail::permits<Env>;
  permits* p = nullptr;
  std::uint32_t inside = 0;  // relacy runs one thread at a time
  std::uint32_t most_inside = 0;

  void before() {
    Env::begin();
    p = ::new permits(2);
  }
  void thread(unsigned index) {
    std::uint32_t now = 0;
    const bool taken = index == 0 ? p->try_take(1, now) : p->take_until(never, now);
    if (!taken) return;
    if (++inside > most_inside) most_inside = inside;
    // A control: the word is read anew, instead of what the exchange replaced.
    p->peak.note(ReadsLater ? p->in_use() : now);
    --inside;
    p->give();
  }
  void after() {
    RL_ASSERT(p->in_use() == 0);
    RL_ASSERT(p->peak.most() >= most_inside);
    RL_ASSERT(p->peak.most() >= 1 && p->peak.most() <= 2);
    p->end();
    Env::finish();
  }
};

/// Consumers come and go at the same time.
template <class Env>
struct children_come_and_go : rl::test_suite<children_come_and_go<Env>, 3> {
  using permits = tarn::detail::permits<Env>;
  permits* root = nullptr;
  permits* children[3] = {};

  void before() {
    Env::begin();
    root = ::new permits(3);
    for (auto& c : children)
      c = ::new permits(1);
    RL_ASSERT(root->reserve(*children[0]) == tarn::detail::reserved::granted);
    RL_ASSERT(root->reserve(*children[1]) == tarn::detail::reserved::granted);
  }
  void thread(unsigned index) {
    if (index == 2) RL_ASSERT(root->reserve(*children[2]) == tarn::detail::reserved::granted);
    children[index]->end();
  }
  void after() {
    RL_ASSERT(root->reserved_total() == 0);
    RL_ASSERT(root->try_take(3));
    for (int i = 0; i != 3; ++i)
      root->give();
    root->end();
    Env::finish();
  }
};

/// One consumer holds its whole quota and wants more; the other's share is available at once.
template <class Env>
struct quotas_do_not_meet : rl::test_suite<quotas_do_not_meet<Env>, 2> {
  using permits = tarn::detail::permits<Env>;
  permits* root = nullptr;
  permits* greedy = nullptr;
  permits* modest = nullptr;

  void before() {
    Env::begin();
    root = ::new permits(2);
    greedy = ::new permits(1);
    modest = ::new permits(1);
    RL_ASSERT(root->reserve(*greedy) == tarn::detail::reserved::granted);
    RL_ASSERT(root->reserve(*modest) == tarn::detail::reserved::granted);
  }
  void thread(unsigned index) {
    if (index == 0) {
      RL_ASSERT(greedy->try_take());
      RL_ASSERT(!greedy->try_take());
      RL_ASSERT(!root->try_take());
      greedy->give();
    } else {
      RL_ASSERT(modest->try_take());
      modest->give();
    }
  }
  void after() {
    greedy->end();
    modest->end();
    RL_ASSERT(root->try_take(2));
    root->give();
    root->give();
    root->end();
    Env::finish();
  }
};

struct silent_wakes : model::sound {
  static constexpr bool wakes = false;
};
struct relaxed_gives : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acq_rel ? std::memory_order::acquire : o;
  }
};
struct relaxed_takes : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acquire ? std::memory_order::relaxed : o;
  }
};
struct relaxed_ends : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acq_rel ? std::memory_order::release : o;
  }
};
struct unlocked : model::sound {
  static constexpr bool registry_locks = false;
};

}  // namespace

int main(int argc, char** argv) {
  using env = ending_env<>;
  return model::run(
      {{"waiting for ever", model::all_of<take_wait_and_give<env, never>>},
       {"waiting for some time", model::all_of<take_wait_and_give<env, some_time>, 1>},
       {"one leaves, one stays", model::all_of<one_leaves_one_stays<env>, 0, 300'000>},
       {"closing", model::all_of<close_and_wait<env>>},
       {"the end", model::all_of<all_go_at_once<env>>},
       {"a consumer goes", model::all_of<child_goes_while_one_waits<env>>},
       {"consumers come and go", model::all_of<children_come_and_go<env>>},
       {"quotas", model::all_of<quotas_do_not_meet<env>>},
       {"the most at once", model::all_of<mark_of_the_most<env, false>>},
       model::control<take_wait_and_give<ending_env<silent_wakes>, never>>("no_wakes"),
       model::control<looks_too_early>("early_look"),
       model::control<mark_of_the_most<env, true>>("late_mark"),
       model::control<take_wait_and_give<ending_env<relaxed_gives>, never>, 2>("gives_relaxed"),
       model::control<take_wait_and_give<ending_env<relaxed_takes>, never>, 2>("takes_relaxed"),
       model::control<all_go_at_once<ending_env<relaxed_ends>>>("ends_relaxed"),
       model::control<children_come_and_go<ending_env<unlocked>>>("unlocked_children")},
      argc, argv);
}
