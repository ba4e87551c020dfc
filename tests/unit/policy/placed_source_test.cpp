// SPDX-License-Identifier: MIT
//
// `placed_source`: huge pages and the memory of one node, as wishes or, when strict, as demands.

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/placed_source.hpp>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::placed_source;

constexpr std::size_t mib = std::size_t{1} << 20;

static_assert(tarn::memory_source<placed_source>);

bool is_multiple(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

// What the system says of the mapping that begins at `p` or holds it; empty if there is none.
std::string flags_at(const void* p) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(p);
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    std::size_t end = 0;
    const auto dash = line.find('-');
    if (dash != std::string::npos && line.find(':') > dash && line[0] != 'V') {
      const auto first = std::stoull(line, &end, 16);
      if (end == dash)
        here = first <= wanted && wanted < std::stoull(line.substr(dash + 1), nullptr, 16);
    }
    if (here && line.rfind("VmFlags:", 0) == 0) return line;
  }
  return {};
}

// Whether the system lets a program place memory at all: not in each container.
bool may_place() {
  unsigned long mask[16] = {1};
  void* const page = tarn::detail::map_pages(4096);
  const bool may = syscall(SYS_mbind, page, 4096, 1, mask, 1025, 0) == 0;
  tarn::detail::unmap_pages(page, 4096);
  return may;
}
bool may_be_huge() {
  void* const pages = tarn::detail::map_aligned(2 * mib, 2 * mib);
  const bool may = tarn::detail::advise_huge(pages, 2 * mib);
  tarn::detail::unmap_aligned(pages, 2 * mib, 2 * mib);
  return may;
}

// The policy of the memory at `p`: 0 default, 1 preferred, 2 bound; and its nodes.
int policy_at(void* p, unsigned long& nodes) {
  int mode = -1;
  unsigned long mask[16] = {};
  constexpr unsigned long of_address = 2;
  if (syscall(SYS_get_mempolicy, &mode, mask, 1024ul, p, of_address) != 0) return -1;
  nodes = mask[0];
  return mode;
}

bool refuses(placed_source source, std::size_t bytes) {
  try {
    void* const p = source.allocate(bytes, 4096);
    source.deallocate(p, bytes, 4096);
    return false;
  } catch (const std::bad_alloc&) {
    return true;
  }
}

template <class P>
using pool_on =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, placed_source>>;

}  // namespace

TEST_CASE("memory from 2 MiB on begins at a multiple of 2 MiB and is advised to be huge",
          "[source]") {
  placed_source source{.huge = true};
  placed_source plain{.huge = false};
  for (const std::size_t bytes : {2 * mib, 2 * mib + 1, 7 * mib}) {
    INFO(bytes);
    void* const p = source.allocate(bytes, 64);
    CHECK(is_multiple(p, 2 * mib));
    std::memset(p, 1, bytes);
    if (may_be_huge()) CHECK(flags_at(p).find(" hg") != std::string::npos);
    source.deallocate(p, bytes, 64);
    CHECK(flags_at(p).empty());  // all of it went
    CHECK(flags_at(static_cast<std::byte*>(p) + bytes - 1).empty());

    void* const q = plain.allocate(bytes, 64);
    CHECK(flags_at(q).find(" hg") == std::string::npos);
    plain.deallocate(q, bytes, 64);
  }
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{65536}, 2 * mib - 1}) {
    void* const p = source.allocate(bytes, 65536);
    CHECK(is_multiple(p, 65536));
    CHECK(flags_at(p).find(" hg") == std::string::npos);
    std::memset(p, 1, bytes);
    source.deallocate(p, bytes, 65536);
  }
  void* const wide = source.allocate(3 * mib, 8 * mib);
  CHECK(is_multiple(wide, 8 * mib));
  source.deallocate(wide, 3 * mib, 8 * mib);
}

TEST_CASE("memory comes from the wished node, preferred or only from there", "[source]") {
  if (!may_place()) return;  // the other tests show what happens then
  for (const bool strict : {false, true}) {
    placed_source source{.huge = false, .node = 0, .strict = strict};
    void* const p = source.allocate(mib, 4096);
    unsigned long nodes = 0;
    const int mode = policy_at(p, nodes);
    CHECK((mode == -1 || mode == (strict ? 2 : 1)));
    CHECK((mode == -1 || nodes == 1));
    std::memset(p, 1, mib);
    source.deallocate(p, mib, 4096);
  }
}

TEST_CASE("a wish that the system refuses is forgotten, and a strict one is no memory",
          "[source]") {
  for (const int node : {-2, 1023, 1024, 1 << 30}) {
    INFO(node);
    CHECK_FALSE(refuses({.huge = false, .node = node}, mib));
    CHECK(refuses({.huge = false, .node = node, .strict = true}, mib));
    CHECK(refuses({.huge = true, .node = node, .strict = true}, 2 * mib));
  }
  CHECK(refuses({.huge = true, .strict = true}, mib));  // there is no huge page of one MiB
  CHECK_FALSE(refuses({.huge = true}, mib));
  CHECK_FALSE(refuses({.huge = false, .strict = true}, mib));
  CHECK(refuses({.huge = true, .strict = true}, 2 * mib) == !may_be_huge());
  CHECK(refuses({.huge = false, .node = 0, .strict = true}, mib) == !may_place());
}

TEMPLATE_LIST_TEST_CASE("pools of every kind work on placed memory", "[source]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const auto idle : {tarn::idle_memory::give_back, tarn::idle_memory::purge}) {
    pool_on<TestType> pool({.slab_bytes = placed_source::huge_bytes, .idle_memory = idle}, {},
                           {.huge = true, .node = 0});
    std::vector<typename pool_on<TestType>::buffer> held;
    for (int round = 0; round != 3; ++round) {
      for (std::size_t size = 1; size < 6 * mib; size = size * 4 + 1) {
        held.push_back(pool.get(size));
        std::memset(held.back().data(), round, size);
      }
      held.clear();
      pool.purge();
      pool.trim(0);
    }
    CHECK(pool.source().node == 0);
    CHECK(pool.occupancy().in_use() == 0);
  }
  tarn::object_pool<int, typename TestType::lock, typename TestType::stats,
                    tarn::object_traits<tarn::build_objects, tarn::no_check, placed_source>>
      numbers({.slab_bytes = placed_source::huge_bytes});
  CHECK(*numbers.make(7) == 7);
}

TEMPLATE_LIST_TEST_CASE("a pool whose strict source refuses says so and stays as it was",
                        "[source]", test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_on<TestType> pool({}, {}, {.node = 1023, .strict = true});
  CHECK_THROWS_AS(pool.get(100), tarn::pool_exhausted);
  CHECK_FALSE(pool.try_get(100));
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(pool.snapshot().slab_bytes == 0);
  CHECK(pool.snapshot().refusals[static_cast<std::size_t>(tarn::refusal::source)] == 2);
}
