// SPDX-License-Identifier: MIT
// Can my std::pmr containers, and my std ones, take their memory from a pool?

#include <cstdio>
#include <map>
#include <memory>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

#include <tarn/interop/allocator.hpp>
#include <tarn/interop/node_bytes.hpp>
#include <tarn/interop/pmr.hpp>

int main() {
  tarn::byte_pool<> pool({.name = "containers"});

  // std::pmr: in place of a synchronized_pool_resource. Without an argument it uses default_pool().
  tarn::pool_resource<> memory(pool);
  const auto fill_a_map = [&] {
    std::pmr::map<int, std::pmr::string> names(&memory);  // the strings use the same pool
    for (int i = 0; i != 100; ++i)
      names.emplace(i, "a name that is longer than what a string holds in itself");
    return pool.snapshot().total();
  };
  const auto first = fill_a_map();
  const auto second = fill_a_map();
  std::printf("200 blocks, new the first time: %llu, the second time: %llu\n",
              static_cast<unsigned long long>(first.misses),
              static_cast<unsigned long long>(second.misses - first.misses));
  if (first.gets != 200 || second.misses != first.misses) return 1;

  // In place of a monotonic_buffer_resource: an arena, whose blocks serve the next request, too.
  tarn::arena<> scratch(pool);
  tarn::arena_resource<> in_scratch(scratch);
  for (int request = 0; request != 3; ++request) {
    {
      std::pmr::vector<std::pmr::string> words(&in_scratch);
      words.emplace_back("a word that is longer than what a string holds in itself");
    }
    scratch.reset();
  }
  std::printf("three requests in %zu bytes\n", scratch.held_bytes());
  if (scratch.held_bytes() != tarn::arena<>::default_block_bytes) return 1;

  // The same for containers with an allocator, and for shared_ptr.
  std::vector<int, tarn::pool_allocator<int>> numbers({1, 2, 3}, pool);
  const auto shared = std::allocate_shared<std::string>(tarn::pool_allocator<std::string>(pool));
  const bool ours = pool.owns(numbers.data()) && pool.owns(shared.get());
  std::printf("the vector and the string are %s\n", ours ? "in the pool" : "elsewhere");

  // How large are the nodes? A tier of that size holds them without waste.
  const auto bytes = tarn::node_bytes<std::map<int, std::string>>();
  std::printf("a node of the map has %zu bytes\n", bytes);
  if (bytes < sizeof(std::pair<const int, std::string>)) return 1;
  return ours ? 0 : 1;
}
