// SPDX-License-Identifier: MIT
//
// Memory pressure: the values that are read, when a level begins and ends, and the actions that
// follow.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/pressure.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using level = tarn::pressure_level;
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

// A source that returns the given values.
struct fake_source {
  tarn::pressure_reading* says;
  [[nodiscard]] tarn::pressure_reading read() const { return *says; }
  [[nodiscard]] static tarn::pressure_thresholds defaults() { return {10, 5, 0.8}; }
};
static_assert(tarn::pressure_source<fake_source>);
static_assert(tarn::pressure_source<tarn::psi_source>);
static_assert(tarn::pressure_source<tarn::cgroup_source>);
static_assert(!tarn::pressure_source<int>);

// A folder that its owner deletes.
class folder {
 public:
  folder() { std::filesystem::create_directory(path_); }
  ~folder() { std::filesystem::remove_all(path_); }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;

  [[nodiscard]] std::string at(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(at(name), std::ios::binary) << text;
  }
  void remove(const std::string& name) const { std::filesystem::remove(path_ / name); }

 private:
  static inline int made_ = 0;
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() /
      ("tarn_pressure_" + std::to_string(getpid()) + "_" + std::to_string(made_++));
};

const char* const good_psi =
    "some avg10=12.34 avg60=1.00 avg300=0.50 total=123456\n"
    "full avg10=5.60 avg60=0.10 avg300=0.00 total=2345\n";

template <class Pool>
void make_idle(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  pool.allocate_bulk(size, blocks);
  pool.deallocate_bulk(blocks, size);
}

template <class P>
struct watched_fixture {
  tarn::pool_registry registry;
  test::byte_fixture<P> pool{{.name = "watched"}};
  tarn::publication token = registry.publish(*pool);
  tarn::pressure_reading says;
};
using plain = test::policies<std::mutex, tarn::counting_stats>;

}  // namespace

TEST_CASE("pressure stall information is read as the kernel writes it", "[pressure]") {
  const folder f;
  f.write("memory", good_psi);
  const tarn::psi_source source(f.at("memory"));
  auto r = source.read();
  CHECK(r.available());
  CHECK(r.some == 12.34);
  CHECK(r.full == 5.60);
  f.write("memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");  // an old kernel
  r = source.read();
  CHECK(r.available());
  CHECK(r.some == 0);
  CHECK(r.full == 0);
  f.write("memory", "full avg10=1.00 total=0\nsome total=7 avg10=100.00\n");
  r = source.read();
  CHECK(r.available());
  CHECK(r.some == 100);
  CHECK(r.full == 1);
}

TEST_CASE("what is no pressure stall information is absent, with a reason", "[pressure]") {
  const folder f;
  const tarn::psi_source source(f.at("memory"));
  auto r = source.read();
  CHECK_FALSE(r.available());
  CHECK(r.absent == "tarn: '" + f.at("memory") + "' can't be read");
  CHECK_FALSE(tarn::psi_source(f.at("")).read().available());  // a folder
  CHECK_FALSE(tarn::psi_source("").read().available());
  for (const std::string text : {"",
                                 "\n",
                                 "some",
                                 "some\n",
                                 "some ",
                                 "some avg10",
                                 "some avg10=",
                                 "some avg10=\n",
                                 "some avg10=x",
                                 "some avg10=1x",
                                 "some avg10=-1.00",
                                 "some avg10=+1",
                                 "some avg10=.5",
                                 "some avg10=1.2.3",
                                 "some avg10=nan",
                                 "some avg10=inf",
                                 "some avg10=1e3",
                                 "some avg10=100.01",
                                 "some avg10=99999999999999999999999999",
                                 "some avg100=1.00",
                                 "some xavg10=1.00",
                                 "someavg10=1.00",
                                 "something avg10=1.00",
                                 "Some avg10=1.00",
                                 "xsome avg10=1.00",
                                 "avg10=1.00",
                                 "some avg60=1.00 avg300=1",
                                 "some  = avg10",
                                 "some avg10=1.00\nfull avg10=x\n",
                                 "some avg10=1.00\nfull \n",
                                 "full avg10=1.00\n",
                                 "some avg10x1.00",
                                 "some avg10=1,00",
                                 "some\tavg10=1.00",
                                 "some avg10=1.00\r\nfull avg10=0.00\r\n"}) {
    INFO(text);
    f.write("memory", text);
    r = source.read();
    CHECK_FALSE(r.available());
    CHECK(r.some == 0);
    CHECK(r.full == 0);
  }
  f.write("memory", std::string(10 * mib, 'x'));
  CHECK_FALSE(source.read().available());
  f.write("memory", std::string(3 * kib, '\0') + good_psi);
  CHECK_FALSE(source.read().available());
  f.write("memory", std::string("some avg10=1") + std::string(5000, '0'));
  CHECK_FALSE(source.read().available());
  f.write("memory", std::string(4000, '\n') + "some avg10=3.00\n");  // odd, but correct
  CHECK(source.read().some == 3);
}

TEST_CASE("this system's own files are read or said to be absent", "[pressure]") {
  for (const auto& r : {tarn::psi_source().read(), tarn::cgroup_source::of_this_process().read()}) {
    INFO(r.absent);
    CHECK(r.some >= 0);
    CHECK(r.available() == r.absent.empty());
    if (!r.available()) CHECK(r.absent.starts_with("tarn: "));
  }
  CHECK(tarn::psi_source().path() == "/proc/pressure/memory");
}

TEST_CASE("a cgroup's use is told in percent of its least limit", "[pressure]") {
  const folder f;
  const tarn::cgroup_source source(f.at("."));
  f.write("memory.current", "750\n");
  f.write("memory.max", "1000\n");
  CHECK(source.read().some == 75);  // memory.high is absent
  f.write("memory.high", "max\n");
  CHECK(source.read().some == 75);
  CHECK(source.read().full == 75);
  f.write("memory.high", "800\n");
  CHECK(source.read().some == 93.75);
  f.write("memory.max", "max\n");
  CHECK(source.read().some == 93.75);
  f.write("memory.high", "500\n");
  CHECK(source.read().some == 150);  // above `high` a process is only slowed down
  f.write("memory.high", "0\n");
  CHECK(source.read().some == 100);
  f.remove("memory.max");
  f.write("memory.high", "1500\n");
  CHECK(source.read().some == 50);
  f.write("memory.high", "max\n");
  CHECK(source.read().absent.find("has no limit") != std::string::npos);
  f.remove("memory.high");
  CHECK(source.read().absent.find("is no cgroup") != std::string::npos);
  f.write("memory.max", "1000\n");
  for (const std::string text : {"", "max\n", "-1\n", "x\n", "12 13\n", "1000\n\n", "0x10\n",
                                 "99999999999999999999\n", "1e3\n"}) {
    INFO(text);
    f.write("memory.current", text);
    CHECK_FALSE(source.read().available());
  }
  f.write("memory.current", "500");
  CHECK(source.read().some == 50);
  f.write("memory.max", "garbage");  // ignored, and the only limit
  CHECK_FALSE(source.read().available());
  CHECK_FALSE(tarn::cgroup_source(f.at("nowhere")).read().available());
}

TEST_CASE("the cgroup of the process is found where Linux says", "[pressure]") {
  const folder f;
  const auto found = [&](const std::string& text) {
    f.write("cgroup", text);
    return tarn::cgroup_source::of_this_process(f.at("cgroup"), "/mount").folder();
  };
  CHECK(found("0::/\n") == "/mount/");
  CHECK(found("0::/user.slice/a:b\n") == "/mount/user.slice/a:b");
  CHECK(found("4:memory:/old\n0::/new\n1:cpu:/\n") == "/mount/new");
  CHECK(found("4:memory:/old\n") == "/mount");
  CHECK(found("0::x\n") == "/mount");
  CHECK(found("") == "/mount");
  CHECK(tarn::cgroup_source::of_this_process("/nowhere", "/mount").folder() == "/mount");
}

TEST_CASE("a level begins at its threshold and ends well below it", "[pressure]") {
  watched_fixture<plain> f;
  tarn::pressure_watch watch(fake_source{&f.says}, {}, f.registry);
  CHECK(watch.level() == level::none);
  int tick = 0;
  const auto at = [&](double some, double full) {
    f.says = {some, full, {}};
    const auto now = watch.tick(seconds(++tick));
    CHECK(now == watch.level());
    return now;
  };
  CHECK(at(0, 0) == level::none);
  CHECK(at(9.99, 4.99) == level::none);
  CHECK(at(8, 4) == level::none);  // from below
  CHECK(at(10, 0) == level::some);
  CHECK(at(9, 0) == level::some);
  CHECK(at(8, 0) == level::some);
  CHECK(at(7.99, 0) == level::none);
  CHECK(at(9, 0) == level::none);
  CHECK(at(50, 5) == level::full);
  CHECK(at(50, 4) == level::full);
  CHECK(at(50, 3.99) == level::some);
  CHECK(at(50, 4.5) == level::some);
  CHECK(at(0, 5) == level::full);
  CHECK(at(8, 0) == level::some);  // a level of full includes some
  f.says.absent = "gone";
  CHECK(watch.tick(seconds(++tick)) == level::none);
  CHECK(watch.why_absent() == "gone");
  CHECK(at(9, 0) == level::none);
  CHECK(watch.why_absent() == "");
  const auto n = watch.numbers();
  CHECK(n.ticks == 16);
  CHECK(n.absent == 1);
  CHECK(n.some == 6);
  CHECK(n.full == 3);
}

TEMPLATE_LIST_TEST_CASE("some pressure halves what is idle, full pressure takes all", "[pressure]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  watched_fixture<TestType> f;
  test::byte_fixture<TestType> unseen({.name = "unseen"});
  tarn::pressure_watch watch(fake_source{&f.says}, {}, f.registry);
  auto held = f.pool->get(64 * kib);
  make_idle(*f.pool, 64 * kib, 64);
  make_idle(*unseen, 64 * kib, 64);
  watch.tick(seconds(1));
  CHECK(f.pool->occupancy().idle_bytes() == 4 * mib);
  f.says.some = 20;
  watch.tick(seconds(2));
  CHECK(f.pool->occupancy().idle_bytes() == 2 * mib);
  watch.tick(seconds(3));
  CHECK(f.pool->occupancy().idle_bytes() == mib);
  f.says.full = 20;
  watch.tick(seconds(4));
  CHECK(f.pool->occupancy().idle_bytes() == 0);
  CHECK(f.pool->occupancy().in_use() == 1);
  CHECK(unseen->occupancy().idle_bytes() == 4 * mib);
  const auto n = watch.numbers();
  CHECK(n.trims == 3);
  CHECK(n.trimmed_bytes == 4 * mib);
  CHECK(n.held_back == 0);
}

TEST_CASE("full pressure reaches the caches of other threads", "[pressure]") {
  watched_fixture<test::policies<tarn::thread_cached<>, tarn::counting_stats>> f;
  tarn::pressure_watch watch(fake_source{&f.says}, {}, f.registry);
  std::atomic<int> stage{0};
  const auto wait_for = [&](int s) {
    while (stage != s)
      std::this_thread::yield();
  };
  std::jthread other([&] {
    make_idle(*f.pool, 1000, 20);
    stage = 1;
    wait_for(2);
    f.pool->deallocate(f.pool->allocate(500 * kib), 500 * kib);  // a miss: a slow path
    stage = 3;
    wait_for(4);
  });
  const auto tier = f.pool->tiers().tier_for(1000);
  wait_for(1);
  f.says = {20, 20, {}};
  watch.tick(seconds(1));
  CHECK(f.pool->occupancy().tiers[tier].idle == 20);  // no thread touches another thread's cache
  stage = 2;
  wait_for(3);
  CHECK(f.pool->occupancy().tiers[tier].idle == 0);
  stage = 4;
}

TEST_CASE("trims are not more often than they may be, unless it gets worse", "[pressure]") {
  watched_fixture<plain> f;
  tarn::pressure_watch watch(fake_source{&f.says}, {.least_between_trims = seconds(10)},
                             f.registry);
  const auto after = [&](int second, double some, double full) {
    make_idle(*f.pool, 64 * kib, 16);
    f.says = {some, full, {}};
    watch.tick(seconds(second));
    return f.pool->occupancy().idle_bytes() / kib;
  };
  CHECK(after(100, 20, 0) == 512);
  CHECK(after(105, 20, 0) == 1024);
  CHECK(after(109, 20, 0) == 1024);
  CHECK(after(110, 20, 0) == 512);
  CHECK(after(111, 20, 20) == 0);  // worse than the last value
  CHECK(after(112, 20, 20) == 1024);
  CHECK(after(113, 20, 0) == 1024);
  CHECK(after(121, 20, 20) == 0);
  const auto n = watch.numbers();
  CHECK(n.trims == 4);
  CHECK(n.held_back == 4);
  CHECK(n.trimmed_bytes == (512 + 512 + 1024 + 1024) * kib);
}

TEST_CASE("how much is kept can be told", "[pressure]") {
  watched_fixture<plain> f;
  tarn::pressure_watch watch(fake_source{&f.says},
                             {.thresholds = tarn::pressure_thresholds{1, 2, 1},
                              .keep_percent_on_some = 75,
                              .keep_percent_on_full = 25,
                              .least_between_trims = seconds(0)},
                             f.registry);
  make_idle(*f.pool, 64 * kib, 16);
  f.says.some = 1;
  watch.tick(seconds(1));
  CHECK(f.pool->occupancy().idle_bytes() == 768 * kib);
  f.says.full = 2;
  watch.tick(seconds(1));
  CHECK(f.pool->occupancy().idle_bytes() == 192 * kib);
}

TEST_CASE("options that make no sense are refused", "[pressure]") {
  tarn::pressure_reading says;
  const tarn::pool_registry registry;
  const auto refused = [&](tarn::pressure_options o) {
    try {
      tarn::pressure_watch watch(fake_source{&says}, o, registry);
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  using t = tarn::pressure_thresholds;
  CHECK(refused({}) == "");
  CHECK(refused({.keep_percent_on_some = 101}).find("keep_percent_on_some 101") !=
        std::string::npos);
  CHECK(refused({.keep_percent_on_full = 200}).find("must be at most 100") != std::string::npos);
  CHECK(refused({.thresholds = t{0, 5, 0.8}}).find("some_at 0") != std::string::npos);
  CHECK(refused({.thresholds = t{5, -1, 0.8}}).find("full_at -1") != std::string::npos);
  CHECK(refused({.thresholds = t{2e6, 5, 0.8}}).find("at most 1000000") != std::string::npos);
  CHECK(refused({.thresholds = t{5, std::numeric_limits<double>::quiet_NaN(), 0.8}}) != "");
  CHECK(refused({.thresholds = t{5, 5, 0}}).find("ends_below") != std::string::npos);
  CHECK(refused({.thresholds = t{5, 5, 1.1}}).find("ends_below") != std::string::npos);
  CHECK(refused({.least_between_trims = seconds(-1)}).find("least_between_trims") !=
        std::string::npos);
}

TEST_CASE("files drive a watch from begin to end", "[pressure]") {
  const folder f;
  watched_fixture<plain> w;
  tarn::pressure_watch watch(tarn::psi_source(f.at("memory")), {}, w.registry);
  CHECK(watch.tick(seconds(1)) == level::none);
  CHECK(watch.why_absent().find("can't be read") != std::string::npos);
  f.write("memory", good_psi);  // full
  make_idle(*w.pool, 64 * kib, 16);
  CHECK(watch.tick(seconds(2)) == level::full);
  CHECK(w.pool->occupancy().idle_bytes() == 0);
  f.write("memory", "some avg10=0.00 total=1\nfull avg10=0.00 total=1\n");
  CHECK(watch.tick(seconds(3)) == level::none);

  tarn::pressure_watch limit(tarn::cgroup_source(f.at(".")), {}, w.registry);
  f.write("memory.max", "1000");
  f.write("memory.current", "849");
  CHECK(limit.tick(seconds(1)) == level::none);
  f.write("memory.current", "850");
  CHECK(limit.tick(seconds(2)) == level::some);
  f.write("memory.current", "960");
  CHECK(limit.tick(seconds(3)) == level::full);
  f.write("memory.current", "0");
  CHECK(limit.tick(seconds(4)) == level::none);
}

TEST_CASE("a watch on a thread trims by itself", "[pressure]") {
  const folder f;
  watched_fixture<plain> w;
  f.write("memory", good_psi);
  tarn::pressure_watch watch(tarn::psi_source(f.at("memory")), {.least_between_trims = seconds(0)},
                             w.registry);
  make_idle(*w.pool, 64 * kib, 16);
  CHECK_FALSE(watch.running());
  for (int round = 0; round != 3; ++round) {
    make_idle(*w.pool, 64 * kib, 16);
    watch.start(milliseconds(1));
    CHECK(watch.running());
    const auto end = std::chrono::steady_clock::now() + seconds(60);
    while (w.pool->occupancy().idle_bytes() != 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    watch.stop();
    CHECK_FALSE(watch.running());
    CHECK(w.pool->occupancy().idle_bytes() == 0);
  }
  watch.start(milliseconds(1));
  const auto child = test::in_child([&] {
    if (watch.running()) return 1;
    make_idle(*w.pool, 64 * kib, 16);
    // Even if the thread was in the middle of a tick.
    if (watch.tick(seconds(1'000'000'000)) != level::full) return 2;
    watch.stop();
    return w.pool->occupancy().idle_bytes() == 0 ? 0 : 3;
  });
  CHECK((child.ok() || ((test::with_asan || test::with_tsan) && child.signal == SIGALRM)));
}

TEST_CASE("a fork in the middle of another thread's tick leaves the child its own", "[pressure]") {
  struct slow_source {
    std::atomic<int>* stage;
    [[nodiscard]] tarn::pressure_reading read() const {
      int expected = 0;
      stage->compare_exchange_strong(expected, 1);
      while (*stage == 1)
        std::this_thread::yield();
      return {20, 20, {}};
    }
    [[nodiscard]] static tarn::pressure_thresholds defaults() { return {10, 5, 0.8}; }
  };
  std::atomic<int> stage{0};
  tarn::pressure_watch watch(slow_source{&stage}, {}, tarn::pool_registry());
  std::jthread other([&] { watch.tick(seconds(1)); });
  while (stage != 1)
    std::this_thread::yield();
  const auto child = test::in_child([&] {
    stage = 2;  // the child's own copy
    return watch.tick(seconds(2)) == level::full ? 0 : 1;
  });
  CHECK((child.ok() || ((test::with_asan || test::with_tsan) && child.signal == SIGALRM)));
  stage = 2;
}

TEST_CASE("user code that a trim runs may ask the watch", "[pressure]") {
  struct asking {
    tarn::pressure_watch<fake_source>* watch = nullptr;
    std::uint64_t* seen = nullptr;
    ~asking() {
      if (watch == nullptr) return;
      watch->tick(seconds(500));  // no effect: a tick is under way
      *seen += watch->numbers().ticks;
    }
    void reset() {}
  };
  tarn::pressure_reading says{20, 20, {}};
  tarn::pool_registry registry;
  tarn::object_pool<asking, std::mutex> pool({.name = "asking"});
  const auto token = registry.publish(pool);
  tarn::pressure_watch watch(fake_source{&says}, {}, registry);
  std::uint64_t seen = 0;
  {
    auto object = pool.get();
    object->watch = &watch;
    object->seen = &seen;
  }
  watch.tick(seconds(1));
  CHECK(seen == 1);
  CHECK(watch.numbers().trims == 1);
}
