// SPDX-License-Identifier: MIT
//
// A program whose operator new is a pool, with every observer on that pool: what they take from the
// heap is an operation of the pool that they watch. Plain asserts: a test framework would allocate.

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/immortal.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/observe/maintainer.hpp>
#include <tarn/observe/monitor.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/observe/periodic_printer.hpp>
#include <tarn/observe/pressure.hpp>
#include <tarn/observe/prometheus.hpp>

namespace {

using pool_type = tarn::byte_pool<
    tarn::thread_cached<>, tarn::counting_stats,
    tarn::traits<tarn::power_of_two_tiers<64, 4096>, tarn::no_check, tarn::page_source>>;

// A block has its size in front of it, and whether a pool gave it.
struct head {
  std::size_t bytes;
  pool_type* from;
};
constexpr std::size_t head_bytes = sizeof(head);
static_assert(head_bytes % alignof(std::max_align_t) == 0);

std::atomic<pool_type*> heap{nullptr};

void* take(std::size_t n) {
  auto* const pool = heap.load(std::memory_order_acquire);
  const auto bytes = n + head_bytes;
  void* const block = pool != nullptr ? pool->try_allocate(bytes) : std::malloc(bytes);
  if (block == nullptr) return nullptr;
  ::new (block) head{bytes, pool};
  return static_cast<std::byte*>(block) + head_bytes;
}
void give(void* p) {
  if (p == nullptr) return;
  void* const block = static_cast<std::byte*>(p) - head_bytes;
  const head h = *static_cast<head*>(block);
  h.from != nullptr ? h.from->deallocate(block, h.bytes) : std::free(block);
}

}  // namespace

void* operator new(std::size_t n) {
  if (void* const p = take(n)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return take(n); }
void operator delete(void* p) noexcept { give(p); }
void operator delete(void* p, std::size_t) noexcept { give(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give(p); }

namespace {

int failures = 0;
void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

struct psi {
  static tarn::pressure_reading read() {
    return {50, 50, "a reason that is not a short text at all"};
  }
  static tarn::pressure_thresholds defaults() { return {10, 5, 0.8}; }
};

void load(pool_type& pool) {
  for (int i = 0; i != 200; ++i) {
    std::vector<std::unique_ptr<std::string>> texts;
    for (int k = 0; k != 20; ++k)
      texts.push_back(std::make_unique<std::string>(static_cast<std::size_t>(40 + 100 * k), 'x'));
    const auto above = std::make_unique<char[]>(100'000);  // an event: above the last tier
    if (i % 20 == 0) pool.purge();
  }
}

}  // namespace

int main() {
  alarm(300);
  static tarn::immortal<pool_type> pool(
      tarn::options{.name = "heap", .large_cache_bytes = std::size_t{8} << 20});
  heap.store(&*pool, std::memory_order_release);
  {
    std::atomic<std::size_t> told{0};
    tarn::event_log log(20);
    log.set_sink([&](const tarn::event& e) { told += std::string(e.message + e.message).size(); });
    std::vector<tarn::pool_watch> watching;
    watching.push_back(log.watch(*pool));
    tarn::event_log second;
    watching.push_back(second.watch(*pool));
    log.set_debug(true);  // each block that the log takes is an operation that it tells of
    tarn::operation_recorder recorder;
    watching.push_back(recorder.watch(*pool));
    pool->set_callback([&](const tarn::operation&) { told += std::string(100, 'c').size(); });
    tarn::monitor<pool_type> m(*pool, {.grow_below = 0.9, .evidence = 1});
    tarn::pool_registry registry;
    auto published = registry.publish(*pool);
    tarn::maintainer upkeep(registry);
    tarn::pressure_watch<psi> pressure({}, {.least_between_trims = tarn::time_span{}}, registry);
    tarn::periodic_printer printer([&] { return registry.snapshots(); },
                                   tarn::time_span::of_nanoseconds(1'000'000),
                                   [&](std::string_view text) { told += text.size(); });
    m.start();
    upkeep.start(tarn::time_span::of_nanoseconds(1'000'000));
    pressure.start(tarn::time_span::of_nanoseconds(1'000'000));
    printer.start();
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t)
      threads.emplace_back([&] { load(*pool); });
    for (int i = 0; i != 200; ++i) {
      tarn::event e;
      e.message.assign(100, 'e');
      log.add_event(e);
      second.add_event(e);
      check(!log.events().empty(), "the log keeps events");
      log.set_debug(i % 2 == 0);
      watching.push_back(log.watch(*pool));
      watching.pop_back();
      static_cast<void>(m.check());
      static_cast<void>(pressure.why_absent());
      static_cast<void>(pressure.tick(tarn::time_span::of_seconds(i)));
      static_cast<void>(upkeep.tick(tarn::time_span::of_seconds(i)));
      published.reset();
      published = registry.publish(*pool);
      if (i % 20 == 0) {
        static_cast<void>(recorder.log());
        printer.print();
        m.stop();
        m.start();
      }
    }
    for (auto& t : threads)
      t.join();
    m.stop();
    printer.stop();
    check(told != 0 && log.total() > 200 && second.total() > 200, "all were told");
    check(log.events().size() == 20 && second.events().size() == 100, "as many as they keep");
    check(recorder.operations() + recorder.dropped() != 0, "operations are recorded");
    check(log.failures() == 0 && pool->snapshot().callback_failures == 0, "nothing was lost");
    pool->set_callback(nullptr);
  }
  const auto s = pool->snapshot();
  std::printf("%llu gets\n", static_cast<unsigned long long>(s.total().gets));
  if (failures == 0) std::puts("ok");
  return failures == 0 ? 0 : 1;
}
