// SPDX-License-Identifier: MIT
// Can `operator new` of my program be a pool?
//
// It can, if the pool's source never asks the heap: `page_source`, or your own source with
// `is_below_heap`. The pool is made at the first call and never ends, because the last call of
// `operator delete` comes after the last destructor. The pool's name, if it has one, has at most 15
// characters: a longer name would be a string on the heap. `operator delete` often knows no size,
// so each block begins with its size.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/immortal.hpp>

namespace {

using pool_type = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                  tarn::traits<tarn::power_of_two_tiers<64, std::size_t{64} << 10>,
                                               tarn::no_check, tarn::page_source>>;

pool_type& heap() {
  static tarn::immortal<pool_type> pool(tarn::options{.name = "the heap"});
  return *pool;
}

/// Lies right before the memory that is handed out.
struct head {
  std::size_t size;
  std::size_t before;  // bytes from the begin of the block to the memory that is handed out
};

void* take(std::size_t size, std::size_t alignment) noexcept {
  const auto before = alignment < sizeof(head) ? sizeof(head) : alignment;
  if (size > SIZE_MAX / 2 - before) return nullptr;
  auto* const block = static_cast<std::byte*>(heap().try_allocate(size + before, alignment));
  if (block == nullptr) return nullptr;
  ::new (block + before - sizeof(head)) head{size, before};
  return block + before;
}

void* take_or_throw(std::size_t size, std::size_t alignment) {
  for (;;) {
    if (void* const p = take(size, alignment)) return p;
    const auto handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void give(void* p, std::size_t alignment) noexcept {
  if (p == nullptr) return;
  auto* const bytes = static_cast<std::byte*>(p);
  const head h = *std::launder(reinterpret_cast<const head*>(bytes - sizeof(head)));
  heap().deallocate(bytes - h.before, h.size + h.before, alignment);
}

constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
constexpr std::size_t of(std::align_val_t a) { return static_cast<std::size_t>(a); }

}  // namespace

// By default the array forms and the forms with a size call these operators.
void* operator new(std::size_t n) { return take_or_throw(n, usual); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return take(n, usual); }
void* operator new(std::size_t n, std::align_val_t a) { return take_or_throw(n, of(a)); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return take(n, of(a));
}
void operator delete(void* p) noexcept { give(p, usual); }
void operator delete(void* p, std::size_t) noexcept { give(p, usual); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give(p, usual); }
void operator delete(void* p, std::align_val_t a) noexcept { give(p, of(a)); }
void operator delete(void* p, std::size_t, std::align_val_t a) noexcept { give(p, of(a)); }
void operator delete(void* p, std::align_val_t a, const std::nothrow_t&) noexcept {
  give(p, of(a));
}

int main() {
  const auto before = heap().occupancy().in_use();
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t) {
    threads.emplace_back([] {
      std::map<int, std::string> words;
      for (int i = 0; i != 10'000; ++i)
        words[i % 500] = std::string(static_cast<std::size_t>(i % 200), 'x');
    });
  }
  for (auto& t : threads)
    t.join();
  threads.clear();
  threads.shrink_to_fit();
  const auto after = heap().occupancy().in_use();
  std::printf("%zu blocks in use before, %zu after %llu gets\n", before, after,
              static_cast<unsigned long long>(heap().snapshot().total().gets));
  return after <= before + 8 ? 0 : 1;  // the runtime keeps a few blocks for itself
}
