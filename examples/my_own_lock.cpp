// SPDX-License-Identifier: MIT
// Can the pool use my own lock?

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

#include <tarn/block_cache.hpp>
#include <tarn/byte_pool.hpp>

namespace {

/// Any type with lock, try_lock and unlock is enough. This one counts.
class counted_mutex {
 public:
  void lock() {
    mutex_.lock();
    ++locks;
  }
  bool try_lock() {
    const bool locked = mutex_.try_lock();
    if (locked) ++locks;
    return locked;
  }
  void unlock() { mutex_.unlock(); }

  static inline std::atomic<long> locks{0};

 private:
  std::mutex mutex_;
};

template <class Pool>
long locks_of_20000_gets() {
  Pool pool;
  const auto before = counted_mutex::locks.load();
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t) {
    threads.emplace_back([&pool] {
      for (int i = 0; i != 10'000; ++i)
        static_cast<void>(pool.get(100));
    });
  }
  for (auto& t : threads)
    t.join();
  if (pool.occupancy().in_use() != 0) return -1;
  return counted_mutex::locks - before;
}

}  // namespace

int main() {
  const long bare = locks_of_20000_gets<tarn::byte_pool<counted_mutex>>();
  const long cached = locks_of_20000_gets<tarn::byte_pool<tarn::thread_cached<counted_mutex>>>();
  std::printf("20000 gets and puts lock %ld times; behind a cache per thread %ld times\n", bare,
              cached);

  // A cache of my own in front of the pool: one thread, one lock for half of the cache.
  tarn::byte_pool<counted_mutex> pool;
  tarn::block_cache mine(pool, 100, 64);
  const long before = counted_mutex::locks;
  for (int i = 0; i != 10'000; ++i)
    mine.put(mine.get());
  const long own = counted_mutex::locks - before;
  std::printf("10000 of them in a block_cache: %ld times\n", own);
  return bare >= 40'000 && cached > 0 && cached < 1000 && own < 1000 ? 0 : 1;
}
