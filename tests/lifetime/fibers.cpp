// SPDX-License-Identifier: MIT
//
// Fibers that move between threads: between any two calls of a pool, and inside the user code that
// a pool calls. Each block has one owner at a time, and the counts are exact.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <ucontext.h>

#include <tarn/tarn.hpp>

namespace {

constexpr std::size_t workers = 3;
constexpr std::size_t fibers = 7;

struct fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  void (*body)(std::uint64_t id) = nullptr;
  std::uint64_t id = 0;
  bool done = false;
};

std::mutex lock;
std::deque<fiber*> ready[workers];
std::atomic<std::size_t> live{0};
std::atomic<int> moves{0};
thread_local ucontext_t scheduler;
thread_local fiber* current = nullptr;

// Never inlined: this test must not keep such an address either.
[[gnu::noinline]] ucontext_t* my_scheduler() {
  asm volatile("");
  return &scheduler;
}
[[gnu::noinline]] fiber* me() {
  asm volatile("");
  return current;
}

/// The calling fiber continues on another thread.
[[gnu::noinline]] void move_on() {
  fiber* const f = me();
  if (f == nullptr) return;
  swapcontext(&f->context, my_scheduler());
  asm volatile("" : : : "memory");
}

void run_fiber() {
  me()->body(me()->id);
  fiber* const f = me();
  f->done = true;
  swapcontext(&f->context, my_scheduler());
}

void work(std::size_t self) {
  while (live.load() != 0) {
    fiber* f = nullptr;
    {
      const std::lock_guard hold(lock);
      if (!ready[self].empty()) {
        f = ready[self].front();
        ready[self].pop_front();
      }
    }
    if (f == nullptr) {
      std::this_thread::yield();
      continue;
    }
    current = f;
    swapcontext(my_scheduler(), &f->context);
    current = nullptr;
    if (f->done) {
      --live;
      continue;
    }
    const std::lock_guard hold(lock);
    ++moves;
    ready[(self + 1 + f->id % 2) % workers].push_back(f);
  }
}

// Out of line, since compilers take getcontext for a function that may return twice.
[[gnu::noinline]] void prepare(fiber& f) {
  constexpr std::size_t stack_bytes = std::size_t{256} << 10;
  f.stack = std::make_unique<char[]>(stack_bytes);
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack.get();
  f.context.uc_stack.ss_size = stack_bytes;
  f.context.uc_link = nullptr;
  makecontext(&f.context, run_fiber, 0);
}

void run_all(void (*body)(std::uint64_t id)) {
  std::vector<std::unique_ptr<fiber>> all;
  for (std::size_t i = 0; i != fibers; ++i) {
    auto f = std::make_unique<fiber>();
    f->id = i + 1;
    f->body = body;
    prepare(*f);
    ready[i % workers].push_back(f.get());
    ++live;
    all.push_back(std::move(f));
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i != workers; ++i)
    threads.emplace_back(work, i);
  for (auto& t : threads)
    t.join();
}

int failures = 0;
std::atomic<int> twice{0};
void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

void own(void* p, std::uint64_t id) {
  if (std::atomic_ref(*static_cast<std::uint64_t*>(p)).exchange(id) != 0) ++twice;
}
void disown(void* p, std::uint64_t id) {
  if (std::atomic_ref(*static_cast<std::uint64_t*>(p)).exchange(0) != id) ++twice;
}

/// A lock for fibers: a fiber that waits for it continues on another thread. So does one in three
/// fibers that need not wait: fibers have to move at each place where a pool takes a lock.
class fiber_lock {
 public:
  static void yield() { me() != nullptr ? move_on() : std::this_thread::yield(); }
  void lock() {
    if (taken_.fetch_add(1) % 3 == 0) yield();
    while (!try_lock())
      yield();
  }
  bool try_lock() { return !held_.test_and_set(std::memory_order_acquire); }
  void unlock() { held_.clear(std::memory_order_release); }

 private:
  std::atomic_flag held_;
  std::atomic<unsigned> taken_{0};
};

/// An object whose construction, reset and destruction move the fiber.
struct restless {
  restless() { move_on(); }
  ~restless() { move_on(); }
  void reset() { move_on(); }
  std::uint64_t owner = 0;
};

using pool_type =
    tarn::byte_pool<tarn::thread_cached<fiber_lock>, tarn::counting_stats,
                    tarn::traits<tarn::small_tiers, tarn::no_check, tarn::page_source>>;
pool_type* pool = nullptr;
using object_pool_type = tarn::object_pool<restless>;
object_pool_type* objects = nullptr;

void bytes_body(std::uint64_t id) {
  for (int i = 0; i != 200; ++i) {
    std::vector<pool_type::buffer> held;
    for (int k = 0; k != 40; ++k) {
      held.push_back(pool->get(static_cast<std::size_t>(1 + k * 97 % 4000)));
      own(held.back().data(), id);
    }
    move_on();
    for (auto& b : held)
      disown(b.data(), id);
    if (i % 50 == 7) pool->trim();
    if (i % 50 == 23) pool->drain();
  }
}

void objects_body(std::uint64_t id) {
  for (int i = 0; i != 200; ++i) {
    auto a = objects->get();
    auto b = objects->get();
    own(&a->owner, id);
    own(&b->owner, id);
    if (i % 10 == 0) move_on();
    disown(&a->owner, id);
    disown(&b->owner, id);
    if (i % 50 == 7) objects->trim();
  }
}

/// A pool closes while fibers use it.
std::atomic<int> closed_gets{0};
void closing_body(std::uint64_t id) {
  for (int i = 0; i != 60; ++i) {
    auto b = pool->try_get(100);
    if (b) own(b.data(), id);
    move_on();
    if (id == 1 && i == 30) pool->close();
    if (b) disown(b.data(), id);
    if (!b) ++closed_gets;
  }
}

}  // namespace

int main() {
  {
    pool_type p;
    pool = &p;
    run_all(bytes_body);
    const auto s = p.snapshot();
    check(s.total().gets == fibers * 200 * 40, "every get of bytes is counted once");
    check(s.total().puts == s.total().gets && s.total().in_use == 0, "and every put");
    for (const auto& t : s.tiers)
      check(t.created == t.idle + t.retired, "every block is somewhere");
  }
  {
    object_pool_type p({.max_objects = 3});
    objects = &p;
    run_all(objects_body);
    const auto total = p.snapshot().total();
    check(total.gets == fibers * 200 * 2 && total.puts == total.gets, "objects are counted once");
    check(total.in_use == 0, "objects came home");
  }
  {
    pool_type p;
    pool = &p;
    run_all(closing_body);
    check(closed_gets != 0, "a closed pool gives nothing");
    check(p.snapshot().total().in_use == 0, "blocks of a closed pool came home");
  }
  check(twice == 0, "no block has two owners");
  std::printf("%d moves\n", moves.load());
  return failures == 0 ? 0 : 1;
}
