// SPDX-License-Identifier: MIT
//
// Observers of a pool: a removed observer is not called, and no event is lost while one observer
// replaces another.

#include "model/relacy_env.hpp"

#include <tarn/detail/events/observer_list.hpp>

namespace {

using tarn::detail::pool_event;
using tarn::detail::pool_event_kind;

/// An observer that reads data which its owner takes away after it was removed.
template <class Env>
struct reader final : tarn::detail::observer<Env> {
  reader(model::var<int>& what, rl::atomic<int>& times) : owned(what), told(times) {}
  bool on(const pool_event&) noexcept override {
    RL_ASSERT(owned == 1);
    told(RL_INFO).fetch_add(1, rl::mo_relaxed);
    return true;
  }
  model::var<int>& owned;
  rl::atomic<int>& told;
};

template <class Env, class List, class Derived>
struct scenario : rl::test_suite<Derived, 2> {
  typename std::aligned_storage<sizeof(List), alignof(List)>::type place;
  model::var<int> owned;
  rl::atomic<int> told;
  reader<Env>* first = nullptr;

  List& list() { return reinterpret_cast<List&>(place); }
  void before() {
    Env::begin();
    ::new (&place) List(Env::registry());
    owned = 1;
    told(RL_INFO).store(0, rl::mo_relaxed);
    first = new reader<Env>(owned, told);
    RL_ASSERT(list().add(first));
  }
  void after() {
    list().~List();
    Env::finish();
  }
};

/// One thread calls, the other removes the observer and then the data that it reads.
template <class Env, class List>
struct letting_go : scenario<Env, List, letting_go<Env, List>> {
  void thread(unsigned index) {
    if (index == 0) {
      this->list().tell({pool_event_kind::get});
      this->list().tell({pool_event_kind::put});
    } else {
      RL_ASSERT(this->list().take_out(this->first));
      this->list().let_go(this->first);
      this->owned = 2;
    }
  }
};

/// One thread calls, the other replaces the first observer by another one.
template <class Env, class List>
struct replacing : scenario<Env, List, replacing<Env, List>> {
  void thread(unsigned index) {
    if (index == 0) {
      this->list().tell({pool_event_kind::get});
    } else {
      RL_ASSERT(this->list().add(new reader<Env>(this->owned, this->told), this->first));
      this->list().let_go(this->first);
    }
  }
  void after() {
    RL_ASSERT(this->told(RL_INFO).load(rl::mo_relaxed) == 1);
    scenario<Env, List, replacing<Env, List>>::after();
  }
};

/// One thread calls, the other closes; after that no observer is left, and none can be added.
template <class Env, class List>
struct closing : scenario<Env, List, closing<Env, List>> {
  void thread(unsigned index) {
    if (index == 0) {
      this->list().tell({pool_event_kind::get});
    } else {
      this->list().close();
      this->owned = 2;
      auto* const late = new reader<Env>(this->owned, this->told);
      RL_ASSERT(!this->list().add(late));
      late->release();
    }
  }
};

/// Broken: does not wait for threads that are in a call.
template <class Env>
struct impatient_list : tarn::detail::observer_list<Env> {
  using tarn::detail::observer_list<Env>::observer_list;
  static void let_go(tarn::detail::observer<Env>* w) noexcept { w->release(); }
};
/// Broken: one place is empty before the other one is filled.
template <class Env>
struct gapped_list : tarn::detail::observer_list<Env> {
  using tarn::detail::observer_list<Env>::observer_list;
  bool add(tarn::detail::observer<Env>* w, tarn::detail::observer<Env>* old = nullptr) noexcept {
    if (old != nullptr) static_cast<void>(this->take_out(old));
    return tarn::detail::observer_list<Env>::add(w);
  }
};
/// Broken: the thread that waited has not seen the accesses of the others.
struct unordered_look : model::sound {
  static constexpr std::memory_order weaken(std::memory_order order) {
    return order == std::memory_order::acquire ? std::memory_order::relaxed : order;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  using blind_env = model::relacy_env<unordered_look>;
  using list = tarn::detail::observer_list<env>;
  using blind_list = tarn::detail::observer_list<blind_env>;
  return model::run(
      {{"nothing is told to one that was let go", model::all_of<letting_go<env, list>, 2>},
       {"nothing is lost when one takes another's place", model::all_of<replacing<env, list>, 2>},
       {"nothing is told after closing", model::all_of<closing<env, list>, 2>},
       model::control<letting_go<env, impatient_list<env>>, 2>("impatient_list"),
       model::control<replacing<env, gapped_list<env>>, 2>("gapped_list"),
       model::control<letting_go<blind_env, blind_list>, 2>("unordered_look")},
      argc, argv);
}
