// SPDX-License-Identifier: MIT
//
// Stripes: threads that get, put, steal, read, empty the stripes and close the pool.

#include "model/puts_and_close.hpp"
#include "model/relacy_env.hpp"

using tarn::detail::striped_front;
using tarn::detail::striped_shape;

namespace {

template <class Env>
using config_of = model::config<Env, striped_shape, true>;
template <class Env>
using core_of = model::core<config_of<Env>>;

template <class Env>
struct maker {
  static core_of<Env>* begin(model::memory& memory, int& ended) {
    return ::new core_of<Env>(memory, ended, {32 << 10});
  }
  static void add(core_of<Env>& core) { striped_front<config_of<Env>>::make_stripes(core); }
  static core_of<Env>* make(model::memory& memory, int& ended) {
    auto* const core = begin(memory, ended);
    add(*core);
    return core;
  }
};
struct emptying {
  static void run(auto& core) { core.drain(); }
};
template <class Env>
using puts_and_close = model::puts_and_close<Env, maker<Env>>;
template <class Env>
using gets_and_flush = model::gets_and<Env, maker<Env>, emptying>;
template <class Env>
using make_and_close = model::add_and_close<Env, maker<Env>>;

struct relaxed_leave : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::release ? std::memory_order::relaxed : o;
  }
};
struct relaxed_enter : model::sound {
  static constexpr std::memory_order weaken(std::memory_order o) {
    return o == std::memory_order::acquire ? std::memory_order::relaxed : o;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using env = model::relacy_env<>;
  return model::run(
      {{"puts and a close", model::all_of<puts_and_close<env>, 2, 20'000>},
       {"gets, puts and a flush", model::all_of<gets_and_flush<env>, 1, 20'000>},
       {"stripes are made while the pool closes", model::all_of<make_and_close<env>, 2, 20'000>},
       model::control<puts_and_close<model::relacy_env<relaxed_leave>>, 2>("leave_relaxed"),
       model::control<gets_and_flush<model::relacy_env<relaxed_enter>>, 2>("enter_relaxed")},
      argc, argv);
}
