// SPDX-License-Identifier: MIT
// What did my pool do in the last minute?

#include <cstdio>
#include <vector>

#include <tarn/byte_pool.hpp>

namespace {

void print(const tarn::snapshot& s) {
  std::printf("pool '%s', %zu KiB held, %zu KiB at most since it began\n", s.name.c_str(),
              s.slab_bytes >> 10, s.most_held_bytes >> 10);
  std::printf("%8s %8s %8s %8s %8s %8s\n", "tier", "gets", "hit %", "puts", "in use", "idle");
  for (const auto& t : s.tiers) {
    if (t.gets == 0) continue;
    std::printf("%8zu %8llu %8.1f %8llu %8llu %8llu\n", t.size_bytes,
                static_cast<unsigned long long>(t.gets),
                100.0 * static_cast<double>(t.hits()) / static_cast<double>(t.gets),
                static_cast<unsigned long long>(t.puts), static_cast<unsigned long long>(t.in_use),
                static_cast<unsigned long long>(t.idle));
  }
}

void serve(tarn::byte_pool<>& pool, int requests) {
  for (int i = 0; i != requests; ++i) {
    const auto header = pool.get(100);
    const auto body = pool.get(3000);
  }
}

}  // namespace

int main() {
  tarn::byte_pool<> pool({.name = "requests"});
  serve(pool, 500);
  std::vector<tarn::buffer> kept(3);
  pool.get_bulk(1000, kept);

  // Snapshots are values: keep one, and subtract it from a later one.
  const tarn::snapshot before = pool.snapshot();
  serve(pool, 1000);
  const tarn::snapshot minute = pool.snapshot() - before;
  print(minute);

  const auto all = minute.total();
  const auto total = pool.snapshot().total();
  std::printf("in all: %llu gets, %llu in use\n", static_cast<unsigned long long>(total.gets),
              static_cast<unsigned long long>(total.in_use));
  return all.gets == 2000 && all.puts == 2000 && all.misses == 0 && all.in_use == 3 &&
                 total.gets == 3003
             ? 0
             : 1;
}
