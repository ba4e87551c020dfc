// SPDX-License-Identifier: MIT
// How does a fast producer wait at a limit of memory, instead of failing or growing?

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>

int main() {
  using namespace std::chrono_literals;
  // Under a mutex (or per_cpu<>, or with a capacity) no thread keeps idle memory to itself. Under
  // thread_cached<> the consumer would, until its next get or put.
  tarn::byte_pool<std::mutex> pool({.name = "packets", .limit_bytes = 256 << 10});
  std::queue<tarn::byte_pool<std::mutex>::buffer> packets;
  std::mutex lock;
  std::condition_variable more;
  constexpr int count = 200;

  bool ended = false;
  std::size_t bytes = 0;
  std::thread consumer([&] {
    for (;;) {
      std::unique_lock hold(lock);
      more.wait(hold, [&] { return !packets.empty() || ended; });
      if (packets.empty()) return;
      const auto packet = std::move(packets.front());
      packets.pop();
      hold.unlock();
      std::this_thread::sleep_for(100us);  // slower than the producer
      bytes += packet.size();
    }  // the packet goes back, and the producer goes on
  });
  int sent = 0;
  for (; sent != count; ++sent) {
    // Empty only if no packet comes back within a minute, or if the pool was closed.
    auto packet = pool.get_for(20'000, 1min);
    if (!packet) break;
    std::memset(packet.data(), sent, packet.size());
    const std::lock_guard hold(lock);
    packets.push(std::move(packet));
    more.notify_one();
  }
  {
    const std::lock_guard hold(lock);
    ended = true;
    more.notify_one();
  }
  consumer.join();

  const auto held = pool.occupancy().slab_bytes;
  std::printf("%d packets, %zu bytes in all, with %zu bytes of memory\n", sent, bytes, held);
  const auto waits = pool.snapshot().waiting_times;
  std::printf("%llu gets waited, half of them for at most %lld us\n",
              static_cast<unsigned long long>(waits.count()),
              static_cast<long long>(waits.within(0.5).count() / 1000));

  // Objects that are built for each use wait as well.
  tarn::built_pool<int, std::mutex> slots({.capacity = 1});
  const auto only = slots.make(1);
  if (slots.make_for(1ms, 2)) return 1;  // the only one is in use
  return sent == count && held <= (256 << 10) ? 0 : 1;
}
