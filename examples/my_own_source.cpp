// SPDX-License-Identifier: MIT
// Can the pool take its memory from my own source?

#include <atomic>
#include <cstdio>
#include <new>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/placed_source.hpp>

namespace {

/// A source with a budget: it refuses every request above the budget.
class budget {
 public:
  explicit budget(std::size_t bytes) : left_(bytes) {}

  void* allocate(std::size_t bytes, std::size_t alignment) {
    auto left = left_.load();
    do {
      if (bytes > left) throw std::bad_alloc();
    } while (!left_.compare_exchange_weak(left, left - bytes));
    return heap_.allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    heap_.deallocate(p, bytes, alignment);
    left_ += bytes;
  }
  std::size_t left() const { return left_; }

 private:
  std::atomic<std::size_t> left_;
  tarn::heap_source heap_;
};

// The pool keeps its source by value; source_ref refers to a source that stays with its owner.
using traits = tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, tarn::source_ref<budget>>;
using budgeted_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats, traits>;

// Sources of the library stand in the same place: huge pages of one node, where there are some.
using placed_pool =
    tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, tarn::placed_source>>;

}  // namespace

int main() {
  placed_pool placed({.slab_bytes = tarn::placed_source::huge_bytes}, {},
                     {.huge = true, .node = 0});
  if (placed.get(1000).size() != 1000) return 1;

  budget megabyte(std::size_t{1} << 20);
  {
    budgeted_pool pool({.name = "budgeted"}, {}, megabyte);
    const auto small = pool.get(1000);
    std::printf("after the first buffer %zu KiB are left\n", megabyte.left() >> 10);
    try {
      static_cast<void>(pool.get(std::size_t{2} << 20));
      return 1;
    } catch (const std::bad_alloc&) {
      std::puts("2 MiB are refused");
    }
    if (auto medium = pool.try_get(std::size_t{512} << 10); !medium)
      return 1;  // the pool is as usable as before
  }
  std::printf("after the pool %zu KiB are left\n", megabyte.left() >> 10);
  return megabyte.left() == std::size_t{1} << 20 ? 0 : 1;
}
