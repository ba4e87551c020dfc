// SPDX-License-Identifier: MIT
// How do I get some bytes, and give them back?

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

#include <tarn/byte_pool.hpp>

int main() {
  tarn::byte_pool<> pool({.name = "frames"});

  // A buffer has the requested length and the capacity of its tier, and goes back by itself.
  const std::byte* block = nullptr;
  {
    tarn::buffer frame = pool.get(1500);
    std::ranges::fill(frame.bytes(), std::byte{42});
    block = frame.data();
    std::printf("asked for %zu bytes, room for %zu\n", frame.size(), frame.capacity());
    if (frame.size() != 1500 || frame.capacity() != 2048) return 1;
  }
  tarn::buffer again = pool.get(2000);
  std::printf("the next one %s\n",
              again.data() == block ? "is the same block" : "is another block");
  if (again.data() != block) return 1;

  // A buffer can be moved, and given back early. To reset an empty buffer is harmless.
  tarn::buffer owner = std::move(again);
  pool.put(std::move(owner));
  pool.put(tarn::buffer());

  // By hand: the caller passes the requested size, as with operator delete.
  void* const raw = pool.allocate(100);
  if (pool.block_size(raw) != 128) return 1;  // it may grow to this size without moving
  pool.deallocate(raw, 100);

  // Many at once: one access to the pool instead of sixteen.
  std::array<void*, 16> many{};
  pool.allocate_bulk(64, many);
  pool.deallocate_bulk(many, 64);

  // Blocks that all begin at a page, as a file opened with O_DIRECT wants them.
  tarn::byte_pool<> pages({.name = "pages", .alignment = 4096});
  if (reinterpret_cast<std::uintptr_t>(pages.get(1000).data()) % 4096 != 0) return 1;

  // Without exceptions.
  if (tarn::buffer maybe = pool.try_get(static_cast<std::size_t>(-1))) return 1;

  std::printf("still out: %llu blocks\n",
              static_cast<unsigned long long>(pool.occupancy().in_use()));
  return pool.occupancy().in_use() == 0 ? 0 : 1;
}
