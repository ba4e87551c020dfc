// SPDX-License-Identifier: MIT
// Can a pool, or a fast_buffer, count my own figures?

#include <cstdint>
#include <cstdio>
#include <thread>

#include <tarn/byte_pool.hpp>
#include <tarn/fast_buffer.hpp>

namespace {

/// Counts the requested bytes, and the tiny requests.
struct demand_stats {
  static constexpr bool counts = true;  // gets, puts, hits and misses, too: snapshot() exists

  // Each thread has one of these. `Counter` is the type for its numbers: cheap to add to, and
  // readable by any thread.
  template <class Counter>
  struct recorder {
    void on_get(std::uint32_t, std::size_t size) noexcept {
      asked.add(size);
      if (size <= 16) tiny.add(1);
    }
    void on_put(std::uint32_t) noexcept {}
    void on_oversize(std::size_t size) noexcept { asked.add(size); }
    // Only a fast_buffer calls this, if it is there: its content was handed out or dropped.
    void on_content(std::size_t size) noexcept { written.add(size); }

    Counter asked;
    Counter tiny;
    Counter written;
  };
};

static_assert(tarn::stats_policy<demand_stats>);

}  // namespace

int main() {
  tarn::byte_pool<tarn::thread_cached<>, demand_stats> pool;

  const auto work = [&pool] {
    for (std::size_t size = 1; size <= 100; ++size)
      static_cast<void>(pool.get(size));
  };
  std::thread other(work);
  work();
  other.join();

  std::uint64_t asked = 0;
  std::uint64_t tiny = 0;
  pool.for_each_recorder([&](const auto& one) {
    asked += one.asked.read();
    tiny += one.tiny.read();
  });
  const auto gets = pool.snapshot().total().gets;
  std::printf("%llu gets asked for %llu bytes; %llu of them for 16 or less\n",
              static_cast<unsigned long long>(gets), static_cast<unsigned long long>(asked),
              static_cast<unsigned long long>(tiny));
  if (gets != 200 || asked != 2 * 5050 || tiny != 2 * 16) return 1;

  tarn::basic_fast_buffer<tarn::no_lock, demand_stats> text;
  text.append("ten bytes.");
  text.clear();
  bool good = false;
  text.for_each_recorder(
      [&](const auto& one) { good = one.asked.read() == 10 && one.written.read() == 10; });
  return good ? 0 : 1;
}
