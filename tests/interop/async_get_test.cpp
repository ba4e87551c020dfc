// SPDX-License-Identifier: MIT
//
// Coroutines that wait for memory of a pool.

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <tarn/interop/async_get.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/per_cpu.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/conservation.hpp"
#include "support/heap_count.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

namespace {

using namespace std::chrono_literals;

/// A coroutine that begins at once and ends by itself, or with its owner.
class task {
 public:
  struct promise_type {
    task get_return_object() { return task(handle::from_promise(*this)); }
    static std::suspend_never initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { failure = std::current_exception(); }
    std::exception_ptr failure;
  };
  using handle = std::coroutine_handle<promise_type>;

  explicit task(handle frame) : frame_(frame) {}
  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }
  [[nodiscard]] bool done() const { return frame_.done(); }
  void rethrow() const {
    if (frame_.promise().failure) std::rethrow_exception(frame_.promise().failure);
  }

 private:
  handle frame_;
};

/// Runs functions when it is told to.
class later {
 public:
  template <class F>
  void execute(F&& f) const {
    const std::lock_guard hold(shared().lock);
    if (shared().fails) throw std::bad_alloc();
    shared().list.emplace_back(std::forward<F>(f));
  }
  static std::size_t run() {
    std::vector<std::function<void()>> now;
    {
      const std::lock_guard hold(shared().lock);
      now.swap(shared().list);
    }
    for (auto& f : now)
      f();
    return now.size();
  }
  static void fail(bool on) { shared().fails = on; }

 private:
  struct state {
    std::mutex lock;
    std::vector<std::function<void()>> list;
    bool fails = false;
  };
  static state& shared() {
    static state one;
    return one;
  }
};

template <class Pool>
task take_one(Pool& pool, std::string& log, char name) {
  const auto b = co_await tarn::async_get(pool, 100);
  log += b ? name : '-';
}
template <class Pool, class Executor>
task take_by(Pool& pool, Executor executor, std::string& log, char name) {
  const auto b = co_await tarn::async_get(pool, 100, executor);
  log += b ? name : '-';
}
template <class Pool>
task take_object(Pool& pool, std::string& log, char name) {
  const auto b = co_await tarn::async_get(pool);
  log += b ? name : '-';
}

/// Runs functions at once.
struct at_once {
  template <class F>
  void execute(F&& f) const {
    std::forward<F>(f)();
  }
};

/// Two coroutines, of which the first one that goes on ends the other.
template <class Executor>
task rival(tarn::byte_pool<>& pool, Executor executor, std::optional<task> (&both)[2], int me,
           std::string& log) {
  const auto b = co_await tarn::async_get(pool, 100, executor);
  log += b ? 'a' : '-';
  both[1 - me].reset();
}
template <class Executor>
std::string log_of_rivals(bool closes) {
  tarn::byte_pool<> pool({.capacity = 1});
  std::string log;
  std::optional<task> both[2];
  auto out = pool.get(100);
  for (const int me : {0, 1})
    both[me].emplace(rival(pool, Executor(), both, me, log));
  if (closes) pool.close();
  out.reset();
  while (later::run() != 0) {
  }
  CHECK(tarn::detail::access::core_of(pool)->waiting().count() == 0);
  CHECK(pool.occupancy().in_use() == 0);
  return log;
}

template <class Pool>
concept has_async_get = requires(Pool& pool) { tarn::async_get(pool, 100); };
static_assert(has_async_get<tarn::byte_pool<>>);
static_assert(!has_async_get<tarn::byte_pool<tarn::no_lock>>);

using every_waiting_lock =
    decltype(std::tuple_cat(test::every_concurrent_lock(),
                            std::tuple<test::policies<tarn::per_cpu<>, tarn::counting_stats>>()));

}  // namespace

TEMPLATE_LIST_TEST_CASE("coroutines are resumed by puts, the first one first", "[async_get]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  for (const bool limited : {false, true}) {
    tarn::options o;
    limited ? o.limit_bytes = 64 << 10 : o.capacity = 1;
    tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool(o);
    std::string log;
    {
      const auto there = take_one(pool, log, 'x');
    }
    CHECK(log == "x");
    log.clear();
    auto out = pool.get(limited ? 60000 : 100);
    std::vector<task> tasks;
    for (const char name : {'a', 'b', 'c'})
      tasks.push_back(take_one(pool, log, name));
    CHECK(log.empty());
    out.reset();
    CHECK(log == "abc");
    for (const auto& t : tasks)
      CHECK(t.done());
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(test::imbalance(pool) == "");
  }
}

TEST_CASE(
    "a hundred thousand coroutines in a line resume each other without recursion, and no "
    "wait allocates",
    "[async_get]") {
  tarn::byte_pool<> pool({.capacity = 1});
  std::string log;
  auto out = pool.get(100);
  std::vector<task> tasks;
  const std::size_t many = test::with_tsan || test::with_asan ? 10'000 : 100'000;
  tasks.reserve(many);
  log.reserve(many);
  for (std::size_t i = 0; i != many; ++i)
    tasks.push_back(take_one(pool, log, 'a'));
  CHECK(test::heap_calls_of([&] { out.reset(); }) == 0);
  CHECK(log == std::string(many, 'a'));
}

TEST_CASE("a coroutine goes on in its executor, or in the put if that has no memory",
          "[async_get]") {
  tarn::byte_pool<> pool({.capacity = 1});
  std::string log;
  auto out = pool.get(100);
  const auto one = take_by(pool, later(), log, 'a');
  const auto two = take_by(pool, later(), log, 'b');
  out.reset();
  CHECK(log.empty());
  CHECK_FALSE(pool.try_get(100));  // the block is for those who wait
  CHECK(later::run() == 1);
  CHECK(log == "a");
  CHECK(later::run() == 1);
  CHECK(log == "ab");
  out = pool.get(100);
  const auto three = take_by(pool, later(), log, 'c');
  later::fail(true);
  out.reset();
  later::fail(false);
  CHECK(log == "abc");
}

TEST_CASE("closing resumes all, empty; a coroutine may outlive the pool", "[async_get]") {
  std::string log;
  std::vector<task> tasks;
  tarn::byte_pool<>::buffer out;
  {
    tarn::byte_pool<> pool({.capacity = 1});
    out = pool.get(100);
    tasks.push_back(take_one(pool, log, 'a'));
    tasks.push_back(take_by(pool, later(), log, 'b'));
    pool.close();
    CHECK(log == "-");
    CHECK(pool.occupancy().refusals[static_cast<std::size_t>(tarn::refusal::closed)] == 1);
  }
  out.reset();
  CHECK(later::run() == 1);
  CHECK(log == "--");
}

TEST_CASE("a coroutine that is destroyed leaves its line, and lets the next go on", "[async_get]") {
  tarn::byte_pool<> pool({.limit_bytes = 128 << 10});
  std::string log;
  auto half = pool.get(64 << 10);
  const auto rest = pool.get(64 << 10);
  std::vector<task> tasks;
  {
    const auto big = [](tarn::byte_pool<>& p) -> task {
      const auto b = co_await tarn::async_get(p, 128 << 10);
      static_cast<void>(b);
    }(pool);
    tasks.push_back(take_one(pool, log, 'a'));
    half.reset();
    CHECK(log.empty());  // the big one is older
  }
  CHECK(log == "a");
}

TEST_CASE("the waits of coroutines count, also of those that end without a block", "[async_get]") {
  tarn::byte_pool<> pool({.capacity = 1});
  const auto waits = [&] { return pool.snapshot().waiting_times.count(); };
  std::string log;
  auto out = pool.get(100);
  {
    const auto served = take_one(pool, log, 'a');
    CHECK(waits() == 0);
    out.reset();
    CHECK(log == "a");
  }
  CHECK(waits() == 1);
  {
    const auto at_once = take_one(pool, log, 'b');
  }
  CHECK(log == "ab");
  CHECK(waits() == 1);
  out = pool.get(100);
  {
    const auto destroyed = take_one(pool, log, 'c');
  }
  CHECK(waits() == 2);
  const auto closed = take_one(pool, log, 'd');
  pool.close();
  CHECK(log == "ab-");
  CHECK(waits() == 3);
}

TEST_CASE("an object comes to a coroutine, or what its factory throws", "[async_get]") {
  bool throws = false;
  auto factory = [&throws] {
    if (throws) throw std::runtime_error("no object");
    return std::string();
  };
  using traits = tarn::object_traits<tarn::keep_objects<decltype(factory)>>;
  tarn::object_pool<std::string, std::mutex, tarn::counting_stats, traits> pool(
      {.capacity = 1, .keep_capacity_bytes = 0}, {factory});
  std::string log;
  auto out = pool.get();
  const auto one = take_object(pool, log, 'a');
  const auto two = take_object(pool, log, 'b');
  throws = true;
  out->assign(1000, 'x');  // too large to be kept: the next get makes another one
  out.reset();
  CHECK_THROWS_AS(one.rethrow(), std::runtime_error);
  CHECK_THROWS_AS(two.rethrow(), std::runtime_error);
  throws = false;
  const auto three = take_object(pool, log, 'c');
  CHECK(log == "c");
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("an unsized pool has coroutines that wait", "[async_get]") {
  tarn::unsized_pool<> pool({.capacity = 1});
  std::string log;
  auto out = pool.get();
  const auto one = take_object(pool, log, 'a');
  CHECK(log.empty());
  out.reset();
  CHECK(log == "a");
}

TEST_CASE("a buffer of an unsized pool comes to a coroutine empty, with the room that it asked for",
          "[async_get]") {
  tarn::unsized_pool<> pool({.capacity = 1});
  std::size_t capacity = 0;
  std::size_t size = 1;
  const auto take = [&](std::size_t room) -> task {
    const auto b = co_await tarn::async_get(pool, room);
    capacity = b.capacity();
    size = b.size();
  };
  const auto at_once = take(9000);
  CHECK(capacity == 16384);
  CHECK(size == 0);
  auto out = pool.get(100'000);
  capacity = 0;
  const auto later = take(100'000);
  CHECK(capacity == 0);
  out.reset();
  CHECK(capacity == 131072);
  CHECK(size == 0);
}

TEMPLATE_LIST_TEST_CASE("coroutines and threads wait in one line, and none in vain", "[async_get]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool({.capacity = 2});
  std::atomic<int> resumed{0}, in_vain{0};
  const int rounds = test::with_tsan || test::with_asan ? 200 : 2'000;
  const auto taker = [](auto& p, std::atomic<int>& n) -> task {
    const auto b = co_await tarn::async_get(p, 100);
    if (b) ++n;
  };
  std::vector<task> tasks[4];
  test::run_together(4, [&](std::size_t me) {
    tasks[me].reserve(static_cast<std::size_t>(rounds));
    for (int i = 0; i != rounds; ++i) {
      tasks[me].push_back(taker(pool, resumed));
      if (!pool.get_for(100, 1min)) ++in_vain;
    }
  });
  CHECK(in_vain == 0);
  CHECK(resumed == 4 * rounds);
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("a get that begins after the end of its pool comes back empty", "[async_get]") {
  auto pool = std::make_unique<tarn::byte_pool<>>(tarn::options{.capacity = 1});
  auto& ended = *pool;
  bool empty = false;
  {
    // The awaitable can't be moved: it is made in the frame.
    const auto run = [&](auto& from) -> task {
      auto get = tarn::async_get(from, 10);
      pool.reset();
      empty = !co_await get;
    };
    const auto t = run(ended);
    CHECK(t.done());
    t.rethrow();
  }
  CHECK(empty);
}

TEST_CASE("a coroutine that goes on may end others that the same put or close calls",
          "[async_get]") {
  CHECK(log_of_rivals<tarn::resume_here>(true) == "-");
  CHECK(log_of_rivals<tarn::resume_here>(false) == "a");
  CHECK(log_of_rivals<later>(true) == "-");
  CHECK(log_of_rivals<later>(false) == "a");
  CHECK(log_of_rivals<at_once>(true) == "-");
  CHECK(log_of_rivals<at_once>(false) == "a");
}

TEST_CASE("a coroutine may end others in the middle of a line that is closed", "[async_get]") {
  for (const std::size_t many : {3u, 4u, 10u}) {
    for (std::size_t from = 0; from != many; ++from) {
      tarn::byte_pool<> pool({.capacity = 1});
      const auto out = pool.get(100);
      std::vector<std::optional<task>> all(many);
      std::size_t ended = 0;
      // Each one that goes on ends one other, which it finds from `from`.
      const auto run = [&](std::size_t me) -> task {
        const auto b = co_await tarn::async_get(pool, 100);
        for (std::size_t i = 0; i != many; ++i) {
          auto& other = all[(from + i) % many];
          if (&other == &all[me] || !other || other->done()) continue;
          ++ended;
          other.reset();
          break;
        }
      };
      for (std::size_t i = 0; i != many; ++i)
        all[i].emplace(run(i));
      pool.close();
      CHECK(ended == many / 2);
      CHECK(tarn::detail::access::core_of(pool)->waiting().count() == 0);
    }
  }
}

TEST_CASE("a coroutine may be destroyed before its executor runs what was posted for it",
          "[async_get]") {
  tarn::byte_pool<> pool({.capacity = 1});
  std::string log;
  auto out = pool.get(100);
  const auto next = [&] {
    const auto gone = take_by(pool, later(), log, 'a');
    auto stays = take_by(pool, later(), log, 'b');
    out.reset();
    return stays;
  }();
  while (later::run() != 0) {
  }
  CHECK(log == "b");
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("coroutines end in their executor while other threads put and close", "[async_get]") {
  const int rounds = test::with_tsan || test::with_asan ? 300 : 3'000;
  for (int i = 0; i != rounds; ++i) {
    tarn::byte_pool<> pool({.capacity = 1});
    std::string log;
    auto out = pool.get(100);
    std::vector<task> tasks;
    for (int k = 0; k != 4; ++k)
      tasks.push_back(take_by(pool, later(), log, 'a'));
    test::run_together(2, [&](std::size_t me) {
      if (me == 0) {
        i % 2 == 0 ? pool.close() : out.reset();
        return;
      }
      // The thread of the executor.
      for (int k = 0; k != 2; ++k) {
        later::run();
        tasks.pop_back();
      }
    });
    while (later::run() != 0) {
    }
    for (const auto& t : tasks)
      CHECK(t.done());
    CHECK(tarn::detail::access::core_of(pool)->waiting().count() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a fork's child may destroy the coroutines that waited, and use the pool",
                        "[async_get]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool({.capacity = 1});
  std::string log;
  auto out = pool.get(100);
  std::vector<task> tasks;
  for (const char name : {'a', 'b', 'c'})
    tasks.push_back(take_one(pool, log, name));
  const auto end = test::in_child([&] {
    {
      const task first = std::move(tasks.front());
    }
    if (tarn::detail::access::core_of(pool)->waiting().count() != 0) return 1;
    // One that waits in the child is not disturbed by those of the parent.
    auto own = take_one(pool, log, 'd');
    tasks.pop_back();
    if (tarn::detail::access::core_of(pool)->waiting().count() != 1) return 2;
    out.reset();
    if (log != "d") return 3;
    tasks.clear();
    if (tarn::detail::access::core_of(pool)->waiting().count() != 0) return 4;
    return pool.get(100) ? 0 : 5;
  });
  CHECK(end.code == 0);
  CHECK(end.signal == 0);
  CHECK(log.empty());
  out.reset();
  CHECK(log == "abc");
}

TEST_CASE("an executor that runs functions at once does not let the stack grow", "[async_get]") {
  tarn::byte_pool<> pool({.capacity = 1});
  std::string log;
  auto out = pool.get(100);
  std::vector<task> tasks;
  const std::size_t many = test::with_tsan || test::with_asan ? 10'000 : 100'000;
  for (std::size_t i = 0; i != many; ++i)
    tasks.push_back(take_by(pool, at_once(), log, 'a'));
  out.reset();
  CHECK(log == std::string(many, 'a'));
}

TEST_CASE("a coroutine that goes on while memory goes back does not wait for that memory",
          "[async_get]") {
  tarn::byte_pool<tarn::lock_free> pool({.max_objects = 0, .limit_bytes = 128 << 10});
  auto one = pool.get(64 << 10), two = pool.get(64 << 10);
  bool got = false;
  const auto wait = [&]() -> task {
    const auto whole = co_await tarn::async_get(pool, 128 << 10);
    got = static_cast<bool>(whole);
  };
  const auto t = wait();
  one.reset();  // goes back to the source and calls; there is too little yet
  CHECK_FALSE(got);
  two.reset();
  CHECK(got);
}
