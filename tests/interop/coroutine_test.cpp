// SPDX-License-Identifier: MIT
//
// Coroutine frames: their source, and their end at any place and time.

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/interop/coroutine.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/heap_count.hpp"
#include "support/threads.hpp"
#include "support/tracked.hpp"

namespace {

/// A generator whose promise takes its frames as `Frame` defines.
template <class Frame>
class generator {
 public:
  struct promise_type : Frame {
    int value = 0;
    generator get_return_object() {
      return generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int n) noexcept {
      value = n;
      return {};
    }
    static void return_void() noexcept {}
    [[noreturn]] static void unhandled_exception() { std::terminate(); }
  };
  using handle = std::coroutine_handle<promise_type>;

  generator() = default;
  explicit generator(handle h) : handle_(h) {}
  generator(generator&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  generator& operator=(generator&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~generator() {
    if (handle_) handle_.destroy();
  }

  explicit operator bool() const { return handle_ != nullptr; }
  [[nodiscard]] const void* frame() const { return handle_.address(); }
  [[nodiscard]] std::optional<int> next() {
    handle_.resume();
    if (handle_.done()) return std::nullopt;
    return handle_.promise().value;
  }

 private:
  handle handle_;
};

/// As above, for callers that do not want exceptions.
template <class Frame>
struct quiet_generator : generator<Frame> {
  struct promise_type : generator<Frame>::promise_type {
    quiet_generator get_return_object() {
      using base = typename generator<Frame>::promise_type;
      quiet_generator made;
      static_cast<generator<Frame>&>(made) =
          generator<Frame>(std::coroutine_handle<base>::from_promise(*this));
      return made;
    }
    static quiet_generator get_return_object_on_allocation_failure() noexcept { return {}; }
  };
};

using policy = test::policies<tarn::thread_cached<>, tarn::counting_stats>;
using test_pool = test::byte_pool_for<policy>;
using numbers = generator<tarn::pooled_frame<>>;
using test_numbers = generator<tarn::pooled_frame<test_pool>>;
using quiet_numbers = quiet_generator<tarn::try_pooled_frame<test_pool>>;

// Not inlined: a compiler that sees the whole life of a frame may leave it on its caller's stack.
[[gnu::noinline]] numbers count_to(int n) {
  for (int i = 0; i != n; ++i)
    co_yield i;
}
template <class Pool>
[[gnu::noinline]] generator<tarn::pooled_frame<Pool>> count_in(Pool&, int n) {
  for (int i = 0; i != n; ++i)
    co_yield i;
}
/// The pool is not the first argument, and a large local makes a large frame.
[[gnu::noinline]] test_numbers count_late(int n, std::unique_ptr<int> scale, test_pool&) {
  std::array<int, 5000> square;
  for (int i = 0; i != n; ++i) {
    square[static_cast<std::size_t>(i)] = i * i * *scale;
    co_yield square[static_cast<std::size_t>(i)];
  }
}
/// A frame that is `Bytes` larger than the smallest one, all of them in use.
template <std::size_t Bytes>
[[gnu::noinline]] test_numbers fill(test_pool&, int mark) {
  std::array<unsigned char, Bytes> bytes;
  bytes.fill(static_cast<unsigned char>(mark));
  co_yield mark;
  for (const auto b : bytes) {
    if (b != mark) co_yield -1;
  }
  co_yield mark;
}
[[gnu::noinline]] test_numbers hold(test_pool&, test::tracked t) { co_yield t.value; }
[[gnu::noinline]] quiet_numbers hold_quietly(test_pool&, test::tracked t) { co_yield t.value; }

struct counter {
  int step;
  [[gnu::noinline]] test_numbers count(test_pool&, int n) const {
    for (int i = 0; i != n; ++i)
      co_yield i* step;
  }
};

template <class Generator>
int sum(Generator g) {
  int total = 0;
  while (const auto n = g.next())
    total += *n;
  return total;
}

}  // namespace

TEST_CASE("a frame is from the pool among the arguments", "[coroutine]") {
  test::byte_fixture<policy> f;
  auto first = count_in(*f, 4);
  CHECK(f->owns(first.frame()));
  CHECK(sum(std::move(first)) == 6);

  auto late = count_late(4, std::make_unique<int>(10), *f);
  CHECK(f->owns(late.frame()));
  CHECK(sum(std::move(late)) == 140);

  auto member = counter{3}.count(*f, 4);
  CHECK(f->owns(member.frame()));

  const auto lambda = [](test_pool&, int n)
                          __attribute__((noinline)) -> test_numbers { co_yield n; };
  auto closure = lambda(*f, 5);
  CHECK(f->owns(closure.frame()));
  CHECK(closure.next() == 5);
}

TEST_CASE("what owns a frame is behind it, whatever its size", "[coroutine]") {
  test::byte_fixture<policy> f;
  std::vector<test_numbers> frames;
  const auto make = [&]<std::size_t... I>(std::index_sequence<I...>) {
    // Every size to the end of two tiers and beyond, three of each, side by side.
    for (int mark = 1; mark != 4; ++mark)
      (frames.push_back(fill<8 * I + 1>(*f, mark)), ...);
  };
  make(std::make_index_sequence<80>());
  int wrong = 0;
  for (std::size_t i = 0; i != frames.size(); ++i)
    wrong += frames[i].next() != static_cast<int>(i / 80 + 1);
  for (std::size_t i = 0; i != frames.size(); ++i)
    wrong += frames[i].next() != static_cast<int>(i / 80 + 1);
  CHECK(wrong == 0);
}

TEST_CASE("a frame is from the default pool if there is none", "[coroutine]") {
  auto g = count_to(5);
  CHECK(tarn::default_pool().owns(g.frame()));
  CHECK(sum(std::move(g)) == 10);
}

TEST_CASE("frames cost no heap allocation in the steady state", "[coroutine]") {
  test::byte_fixture<policy> f;
  const auto work = [&] {
    int total = 0;
    for (int i = 0; i != 1000; ++i)
      total += sum(count_in(*f, 3)) + sum(count_to(3));
    return total;
  };
  CHECK(work() == 6000);
  int total = 0;
  CHECK(test::heap_calls_of([&] { total = work(); }) == 0);
  CHECK(total == 6000);
  CHECK(f->snapshot().total().gets == 2000);
}

TEMPLATE_LIST_TEST_CASE("frames go on and end on other threads", "[coroutine]",
                        test::every_concurrent_lock) {
  using pool_type = test::byte_pool_for<TestType>;
  test::byte_fixture<TestType> f;
  constexpr std::size_t threads = 3;
  constexpr int frames = 400;
  std::vector<generator<tarn::pooled_frame<pool_type>>> made[threads];
  std::atomic<int> wrong{0};
  for (int step = 0; step != 6; ++step) {
    test::run_together(threads, [&](std::size_t i) {
      // Each thread has the generator that another thread had in the last step.
      auto& mine = made[(i + static_cast<std::size_t>(step)) % threads];
      if (step == 0) {
        for (int n = 0; n != frames; ++n)
          mine.push_back(count_in(*f, 3));
      }
      for (auto& g : mine) {
        const auto got = g.next();
        wrong += step < 3 ? got != step : got.has_value();
        if (step == 2) continue;
        if (step == 3) g = count_in(*f, 0);  // ends one frame here and makes one
      }
      if (step >= 3) mine.resize(mine.size() / 2);
    });
    if (step >= 3) {
      for (auto& list : made) {
        for (auto& g : list)
          g = count_in(*f, 0);
      }
    }
  }
  CHECK(wrong.load() == 0);
}

TEST_CASE("a frame outlives its pool", "[coroutine]") {
  test::byte_fixture<policy> f;
  auto closed = count_in(*f, 3);
  auto gone = count_in(*f, 3);
  CHECK(closed.next() == 0);
  f->close();
  CHECK_THROWS_AS(count_in(*f, 3), tarn::pool_closed);
  CHECK(sum(std::move(closed)) == 3);

  CHECK(gone.next() == 0);
  f.end_pool();
  CHECK(f.source.live_bytes() > 0);
  std::jthread([g = std::move(gone)]() mutable { static_cast<void>(sum(std::move(g))); }).join();
  CHECK(f.source.live_bytes() == 0);
}

TEST_CASE("a frame that can't be had is an exception, and the arguments end", "[coroutine]") {
  test::tracked::start();
  test::byte_fixture<policy> f;
  f.source.fail_from(1);
  CHECK_THROWS_AS(hold(*f, test::tracked(1)), std::bad_alloc);
  CHECK(test::tracked::alive() == 0);
  f.source.never_fail();
  CHECK(sum(hold(*f, test::tracked(8))) == 8);
  CHECK(test::tracked::alive() == 0);
  CHECK(test::tracked::faults() == 0);
}

TEST_CASE("or what the promise says of an allocation failure", "[coroutine]") {
  test::tracked::start();
  test::byte_fixture<policy> f;
  f.source.fail_from(1);
  CHECK_FALSE(hold_quietly(*f, test::tracked(1)));
  CHECK(test::tracked::alive() == 0);
  f.source.never_fail();
  CHECK(sum(hold_quietly(*f, test::tracked(8))) == 8);
  f->close();
  CHECK_FALSE(hold_quietly(*f, test::tracked(1)));
  CHECK(test::tracked::alive() == 0);
  CHECK(test::tracked::faults() == 0);
}
