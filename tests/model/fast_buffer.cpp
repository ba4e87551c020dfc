// SPDX-License-Identifier: MIT
//
// Appends of several threads to one block: each piece is whole, contiguous, present once, and read
// after it was written, by the thread that takes it, whatever growth and `take` do meanwhile.

#include <tarn/detail/shared/append_room.hpp>

#include "model/relacy_env.hpp"

namespace {

/// A block of `n` cells whose every access is checked, and so is the handle to it.
class block {
 public:
  block() = default;
  explicit block(std::size_t n) : cells_(new model::var<int>[n]), capacity_(n) {}
  block(block&& other) noexcept { *this = std::move(other); }
  block& operator=(block&& other) noexcept {
    if (this == &other) return *this;
    end();
    cells_ = other.cells_;
    capacity_ = other.capacity_;
    other.cells_ = nullptr;
    other.capacity_ = 0;
    return *this;
  }
  ~block() { end(); }

  explicit operator bool() const { return capacity() != 0; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] model::var<int>& operator[](std::size_t i) const {
    RL_ASSERT(i < capacity());
    return static_cast<model::var<int>*>(cells_)[i];
  }

 private:
  void end() {
    model::var<int>* const cells = cells_;
    delete[] cells;
  }
  model::var<model::var<int>*> cells_ = nullptr;
  model::var<std::size_t> capacity_ = 0;
};

/// Threads that append pieces of two cells, and perhaps a last thread that takes the content.
template <class Env, unsigned Writers, unsigned Pieces, unsigned Takers, bool Fails = false>
struct appends : rl::test_suite<appends<Env, Writers, Pieces, Takers, Fails>,
                                static_cast<rl::thread_id_t>(Writers + Takers)> {
  static constexpr std::size_t cells = 2;
  static constexpr unsigned all = Writers * Pieces;

  tarn::detail::append_room<Env, model::mutex, block>* room = nullptr;
  rl::atomic<int> failed;
  bool seen[all + 1] = {};

  void before() {
    Env::begin();
    failed(RL_INFO).store(0, rl::mo_relaxed);
    room = ::new tarn::detail::append_room<Env, model::mutex, block>(1000);
  }
  void thread(unsigned index) {
    if (index >= Writers) return take();
    for (unsigned i = 0; i != Pieces; ++i)
      append(static_cast<int>(1 + index * Pieces + i));
  }
  void append(int number) {
    const auto make = [](std::size_t held, std::size_t n, std::size_t capacity) {
      // Room for two pieces at first, so that the second may meet the growth for the third.
      return Fails && capacity != 0 ? block() : block(std::max(held + n, 2 * cells));
    };
    const auto carry = [](block& to, block& from, std::size_t held) {
      for (std::size_t i = 0; i != held; ++i)
        to[i] = static_cast<int>(from[i]);
    };
    const bool done = room->append(cells, make, carry, [&](block& to, std::size_t offset) {
      for (std::size_t i = 0; i != cells; ++i)
        to[offset + i] = number;
    });
    if (!done) failed(RL_INFO).fetch_add(1, rl::mo_relaxed);
  }
  void take() {
    const auto [taken, held] = room->take([](std::size_t) {});
    RL_ASSERT(held % cells == 0 && held <= taken.capacity());
    for (std::size_t at = 0; at != held; at += cells) {
      const int number = taken[at];
      RL_ASSERT(number >= 1 && number <= static_cast<int>(all));  // else: not written
      RL_ASSERT(number == taken[at + 1]);                         // else: torn
      RL_ASSERT(!seen[number]);                                   // else: twice
      seen[number] = true;
    }
  }
  void after() {
    take();
    const auto count = std::count(seen, seen + all + 1, true);
    const auto refused = failed(RL_INFO).load(rl::mo_relaxed);
    RL_ASSERT(count + refused == static_cast<int>(all));  // else: lost
    RL_ASSERT(Fails || refused == 0);
    ::delete room;
    Env::finish();
  }
};

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

using env = model::relacy_env<>;

/// Broken: the thread that waits for the writers sees no writer.
struct impatient_env : env {
  template <class T>
  class atomic : public env::atomic<T> {
   public:
    using env::atomic<T>::atomic;
    T load(std::memory_order o) const {
      const T word = env::atomic<T>::load(o);
      constexpr T writers = ((T{1} << tarn::detail::append_word<env>::writer_bits) - 1) << 1;
      return o == std::memory_order::acquire ? word & ~writers : word;
    }
  };
};
/// Broken: a seal that keeps no writer out.
struct open_env : env {
  template <class T>
  class atomic : public env::atomic<T> {
   public:
    using env::atomic<T>::atomic;
    T fetch_or(T, std::memory_order o) { return env::atomic<T>::load(o); }
  };
};

}  // namespace

int main(int argc, char** argv) {
  using leave = model::relacy_env<relaxed_leave>;
  using enter = model::relacy_env<relaxed_enter>;
  return model::run({{"appends against take", model::all_of<appends<env, 2, 1, 1>>},
                     {"appends against growth", model::all_of<appends<env, 2, 2, 0>>},
                     {"three writers", model::all_of<appends<env, 3, 1, 0>>},
                     {"growths against take", model::all_of<appends<env, 1, 3, 1>>},
                     {"everything", model::all_of<appends<env, 2, 2, 1>, 3>},
                     {"growths that fail", model::all_of<appends<env, 2, 2, 0, true>>},
                     model::control<appends<leave, 2, 1, 1>, 2>("leave_relaxed"),
                     model::control<appends<enter, 2, 1, 1>, 2>("enter_relaxed"),
                     model::control<appends<impatient_env, 2, 1, 1>, 2>("take_does_not_wait"),
                     model::control<appends<impatient_env, 2, 2, 0>, 2>("growth_does_not_wait"),
                     model::control<appends<open_env, 2, 2, 1>, 2>("seal_keeps_nobody_out")},
                    argc, argv);
}
