// SPDX-License-Identifier: MIT
// Can the pool have the sizes of my program?

#include <array>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/runtime_tiers.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/policy/type_tiers.hpp>

namespace {

template <class Tiers>
using pool_of = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats, tarn::traits<Tiers>>;

}  // namespace

int main() {
  // Tiers that are known at compile time: a header of 48 bytes, a page, a picture.
  using sizes = tarn::fixed_tiers<48, 4096, 640 * 480 * 3>;
  pool_of<sizes> pictures;
  const auto picture = pictures.get(640 * 480 * 3);
  std::printf("a picture wastes %zu bytes\n", picture.capacity() - picture.size());
  if (picture.capacity() != picture.size()) return 1;

  // A ready table of tiers.
  pool_of<tarn::stream_tiers> streams;
  if (streams.get(5000).capacity() != 16384) return 1;

  // Tiers for the objects of these types: no block is larger than what it holds.
  using shapes = tarn::type_tiers<std::array<double, 16>, int, std::array<char, 1024>>;
  pool_of<shapes> objects;
  std::printf("%zu tiers for three types\n", objects.tiers().count());
  if (objects.capacity_for(sizeof(std::array<double, 16>)) != 128) return 1;

  // Tiers that are known at run time, in any order: from a configuration, for example.
  const std::vector<std::size_t> configured{65536, 100, 1500, 100};
  pool_of<tarn::runtime_tiers> packets({}, tarn::runtime_tiers(configured));
  std::printf("tiers:");
  for (std::size_t i = 0; i != packets.tiers().count(); ++i) {
    std::printf(" %zu", packets.tiers().size_of(i));
  }
  std::printf("\n101 bytes get %zu\n", packets.capacity_for(101));
  if (packets.tiers().count() != 3 || packets.get(101).capacity() != 1500) return 1;

  // A request above the last tier still works, but its block is not pooled.
  if (packets.get(100'000).capacity() < 100'000) return 1;

  try {
    const tarn::runtime_tiers none(std::vector<std::size_t>{});
    return 1;
  } catch (const std::invalid_argument& error) {
    std::printf("refused: %s\n", error.what());
  }
  return 0;
}
