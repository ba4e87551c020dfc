// SPDX-License-Identifier: MIT
//
// Run under valgrind's memcheck: with an argument it uses a block after the put, or bytes that it
// has not written; without one it does what is allowed. The tests compare what memcheck says.

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/interop/valgrind.hpp>
#include <tarn/object_pool.hpp>

namespace {

using check = tarn::checked_with<tarn::valgrind_blocks>;
using bytes = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                              tarn::traits<tarn::power_of_two_tiers<>, check>>;
using objects = tarn::object_pool<std::vector<int>, tarn::thread_cached<>, tarn::counting_stats,
                                  tarn::object_traits<tarn::build_objects, check>>;

int read_late() {
  bytes pool;
  auto b = pool.get(100);
  std::memset(b.data(), 1, b.size());
  const volatile std::byte* const at = b.data();
  b.reset();
  return std::to_integer<int>(at[10]) == 77;
}
int write_late() {
  objects pool;
  auto o = pool.make(std::size_t{3}, 4);
  auto* const at = reinterpret_cast<volatile unsigned char*>(&*o);
  o.reset();
  at[1] = 1;
  return 0;
}
int read_unwritten() {
  bytes pool;
  auto b = pool.get(100);
  std::memset(b.data(), 1, b.size());
  b.reset();
  b = pool.get(100);  // the same block
  return std::to_integer<int>(b.data()[10]) == 1 ? std::puts("one") : 0;
}
int allowed() {
  for (const auto zeros : {tarn::zeroing::none, tarn::zeroing::on_get, tarn::zeroing::secure}) {
    bytes pool({.large_cache_bytes = 8 << 20, .zeroing = zeros});
    for (int round = 0; round != 50; ++round) {
      for (const std::size_t size : {1u, 100u, 5000u, 70'000u, 3'000'000u}) {
        auto b = pool.get(size);
        std::memset(b.data(), round, b.capacity());
        auto shared = pool.get_shared(size);
      }
      if (round % 10 == 0) pool.trim();
      pool.prewarm(2, 3);
    }
    objects built;
    for (int i = 0; i != 50; ++i)
      built.make(std::size_t{10}, i)->push_back(i);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "read_late") return read_late();
  if (what == "write_late") return write_late();
  if (what == "read_unwritten") return read_unwritten() < 0;
  return allowed();
}
