// SPDX-License-Identifier: MIT
//
// fork while another thread is within a monitor, a ticker, a maintainer, a printer or a log: the
// child can use and end them all.

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <tarn/observe/event_log.hpp>
#include <tarn/observe/maintainer.hpp>
#include <tarn/observe/monitor.hpp>
#include <tarn/observe/periodic_printer.hpp>
#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/sanitizer.hpp"

namespace {

using ms = std::chrono::milliseconds;
using blocks = tarn::object_pool<std::string, std::mutex>;

constexpr unsigned child_seconds = 30;  // all children here end at once, or never

void wait_for(const std::atomic<bool>& what) {
  while (!what.load())
    std::this_thread::yield();
}

/// Makes gets miss, so that the next check raises the bound. Returns: what is out.
std::vector<blocks::handle> make_load(blocks& pool) {
  std::vector<blocks::handle> out(200);
  for (auto& o : out)
    o = pool.get();
  return out;
}

/// A place at which one thread waits, of the parent alone.
struct gate {
  void pass() {
    if (getpid() != parent) return;
    inside = true;
    wait_for(may_go);
  }
  pid_t parent = getpid();
  std::atomic<bool> inside{false};
  std::atomic<bool> may_go{false};
};

}  // namespace

TEST_CASE("a child forked while another thread checks a pool can check it and end the monitor",
          "[fork]") {
  // By hand, and by the monitor's thread, which is then in the middle of a tick.
  for (const bool by_thread : {false, true}) {
    INFO("by thread " << by_thread);
    blocks pool({.max_objects = 16});
    tarn::event_log log;
    const auto watching = log.watch(pool);
    std::optional<tarn::monitor<blocks>> m;
    m.emplace(pool, tarn::monitor_options{.interval = ms(1)});
    gate here;
    log.set_sink([&](const tarn::event&) { here.pass(); });
    const auto held = make_load(pool);
    std::thread other([&] {
      if (!by_thread) static_cast<void>(m->check());
    });
    if (by_thread) m->start();
    wait_for(here.inside);
    const auto check = [&] {
      if (m->running()) return 1;
      const auto found = m->check();
      if (found.size() != 1) return 2;
      m->stop();
      m.reset();
      return 0;
    };
    const auto close = [&] {
      pool.close();
      return m->check().empty() ? 0 : 3;
    };
    const auto start = [&] {
      if (test::with_tsan) return 0;  // allows no new thread in a child
      m->start();
      if (!m->running()) return 4;
      m->stop();
      return m->running() ? 5 : 0;
    };
    CHECK(test::in_child(check, child_seconds).code == 0);
    CHECK(test::in_child(close, child_seconds).code == 0);
    CHECK(test::in_child(start, child_seconds).code == 0);
    here.may_go = true;
    other.join();
    m->stop();
  }
}

TEST_CASE("a child forked while another thread waits for a ticker's end can start it and end it",
          "[fork]") {
  gate here;
  auto t = std::make_unique<tarn::ticker>([&](tarn::time_span) { here.pass(); });
  t->start(ms(1));
  wait_for(here.inside);
  std::thread other([&] { t->stop(); });  // waits for the action, which waits for the gate
  while (t->running())
    std::this_thread::yield();
  std::this_thread::sleep_for(ms(20));  // for the wait itself, which can't be seen
  const auto end = test::in_child(
      [&] {
        if (t->running()) return 1;
        t->stop();
        if (!test::with_tsan) {
          t->start(ms(1));
          const auto before = t->ticks();
          while (t->ticks() == before)
            std::this_thread::yield();
          if (!t->running()) return 2;
        }
        t.reset();
        return 0;
      },
      child_seconds);
  CHECK(end.code == 0);
  here.may_go = true;
  other.join();
}

TEST_CASE("a child forked while another thread starts and stops a ticker can do the same",
          "[fork]") {
  tarn::ticker t([](tarn::time_span) {});
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
      t.start(ms(1));
      t.stop();
    }
  });
  for (int i = 0; i != 50; ++i) {
    const auto end = test::in_child(
        [&] {
          if (t.running()) return 1;
          t.stop();
          if (test::with_tsan) return 0;
          t.start(ms(1));
          t.stop();
          return 0;
        },
        child_seconds);
    // The heaps of the sanitizers may be locked in a child.
    CHECK((end.code == 0 || ((test::with_asan || test::with_tsan) && end.signal == SIGALRM)));
    if (!end.ok()) break;
  }
  stop = true;
  other.join();
}

TEST_CASE("an action that forks goes on in both processes, and its ticker runs in the parent",
          "[fork]") {
  std::atomic<int> code{-1};
  tarn::ticker* self = nullptr;
  tarn::ticker t([&](tarn::time_span) {
    if (code != -1) return;
    code = test::in_child(
               [&] {
                 if (self->running()) return 1;
                 if (self->start(ms(1))) return 2;  // as in the parent
                 self->stop();
                 return 0;
               },
               child_seconds)
               .code;
  });
  self = &t;
  t.start(ms(1));
  while (code == -1 || t.ticks() < 3)
    std::this_thread::yield();
  CHECK(code == 0);
  CHECK(t.running());
}

TEST_CASE("a sink that forks within a check leaves the monitor usable in both processes",
          "[fork]") {
  blocks pool({.max_objects = 16});
  tarn::event_log log;
  const auto watching = log.watch(pool);
  tarn::monitor<blocks> m(pool);
  int code = -1;
  log.set_sink([&](const tarn::event&) {
    if (code != -1) return;
    code = test::in_child(
               [&] {
                 // It may ask the monitor, as before the fork; others may not, until it returns.
                 return m.check().size() == 1 ? 0 : 1;
               },
               child_seconds)
               .code;
  });
  const auto held = make_load(pool);
  CHECK(m.check().size() == 1);
  CHECK(code == 0);
  CHECK(m.check().size() == 1);
}

TEST_CASE("a child forked in the middle of a maintainer's pass can make one", "[fork]") {
  gate here;
  tarn::byte_pool<> pool(
      {.name = "frames", .large_cache_bytes = 8 << 20, .cleanup_interval = ms(10)});
  {
    auto large = pool.get(3 << 20);
  }
  pool.set_callback([&](const tarn::operation& o) {
    if (o.kind == tarn::operation_kind::cleanup) here.pass();
  });
  tarn::pool_registry registry;
  const auto published = registry.publish(pool);
  tarn::maintainer m(registry);
  m.start(ms(1));
  wait_for(here.inside);
  const auto end = test::in_child(
      [&] {
        if (m.running()) return 1;
        m.stop();
        static_cast<void>(m.tick(tarn::time_span::of_seconds(1'000'000)));
        if (test::with_tsan) return 0;
        m.start(ms(1));
        const auto before = m.ticks();
        while (m.ticks() == before)
          std::this_thread::yield();
        return m.running() ? 0 : 2;
      },
      child_seconds);
  CHECK(end.code == 0);
  here.may_go = true;
}

TEST_CASE("a child forked while other threads set callbacks can set one", "[fork]") {
  tarn::byte_pool<> pool;
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  for (int t = 0; t != 2; ++t) {
    others.emplace_back([&] {
      while (!stop) {
        pool.set_callback([](const tarn::operation&) {});
        pool.set_callback(nullptr);
      }
    });
  }
  for (int i = 0; i != 100; ++i) {
    const auto end = test::in_child(
        [&] {
          int told = 0;
          pool.set_callback([&](const tarn::operation&) { ++told; });
          {
            auto b = pool.get(100);
          }
          pool.set_callback(nullptr);
          return told >= 2 ? 0 : 1;
        },
        child_seconds);
    // The heaps of the sanitizers may be locked in a child.
    CHECK((end.code == 0 || ((test::with_asan || test::with_tsan) && end.signal == SIGALRM)));
    if (!end.ok()) break;
  }
  stop = true;
  for (auto& t : others)
    t.join();
}

TEST_CASE("a child forked while a printer prints can print", "[fork]") {
  gate here;
  std::atomic<int> printed{0};
  tarn::byte_pool<> pool({.name = "frames"});
  tarn::periodic_printer p([&] { return std::vector{pool.snapshot()}; }, ms(1),
                           [&](std::string_view) {
                             here.pass();
                             ++printed;
                           });
  p.start();
  wait_for(here.inside);
  std::thread other([&] { p.stop(); });
  while (p.running())
    std::this_thread::yield();
  std::this_thread::sleep_for(ms(20));
  const auto end = test::in_child(
      [&] {
        p.stop();
        const int before = printed;
        p.print();
        if (printed != before + 1) return 1;
        if (test::with_tsan) return 0;
        if (!p.start()) return 2;
        while (printed == before + 1)
          std::this_thread::yield();
        p.stop();
        return 0;
      },
      child_seconds);
  CHECK(end.code == 0);
  here.may_go = true;
  other.join();
}
