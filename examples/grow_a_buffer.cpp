// SPDX-License-Identifier: MIT
// How do I write when I do not know the size beforehand?

#include <cstdio>
#include <string>
#include <utility>

#include <tarn/unsized_pool.hpp>

int main() {
  tarn::unsized_pool<> pool({.name = "replies"});

  auto reply = pool.get();  // empty, room for 4 KiB
  std::printf("at first: %zu bytes, room for %zu\n", reply.size(), reply.capacity());
  if (!reply.empty() || reply.capacity() != 4096) return 1;

  std::string expected;
  for (int i = 0; i != 1000; ++i) {
    const auto line = "line " + std::to_string(i) + "\n";
    pool.append(reply, line);  // doubles the capacity where necessary
    expected += line;
  }
  std::printf("at last:  %zu bytes, room for %zu\n", reply.size(), reply.capacity());
  if (reply.view() != expected || reply.capacity() != 16384) return 1;

  // A returned buffer is kept with those of its size: the next caller gets a small buffer, not this
  // one.
  pool.put(std::move(reply));
  auto next = pool.get();
  if (next.capacity() != 4096) return 1;

  if (pool.get(100'000).capacity() < 100'000) return 1;  // where a part of the size is known

  // Buffers up to 16 MiB are kept; the memory of larger ones goes back at once.
  pool.reserve(next, std::size_t{20} << 20);
  std::printf("grown to %zu MiB\n", next.capacity() >> 20);
  next.reset();
  const auto held = pool.sized().occupancy().idle_bytes();
  std::printf("kept for the next one: %zu KiB\n", held >> 10);
  return held < (std::size_t{1} << 20) ? 0 : 1;
}
