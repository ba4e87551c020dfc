// SPDX-License-Identifier: MIT
//
// Where the broker's memory comes from: the one template argument of all its parts. malloc_memory
// has the same members.

#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include <tarn/byte_pool.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/interop/allocator.hpp>

namespace broker {

/// Pools under the given policies: any of tarn's, if threads may share `Lock`, and if `Stats`
/// counts.
template <class Lock = tarn::thread_cached<>, class Stats = tarn::counting_stats,
          class Check = tarn::no_check>
class pool_memory {
 public:
  // From 32 bytes: most keys and values are small, and a smaller block misses the cache less often.
  using tiers = tarn::power_of_two_tiers<32, std::size_t{2} << 20>;
  using pool_type = tarn::byte_pool<Lock, Stats, tarn::traits<tiers, Check>>;
  using shared_buffer = typename pool_type::shared_buffer;
  using writer =
      tarn::basic_fast_buffer<tarn::no_lock, tarn::no_stats, tarn::fast_buffer_traits<pool_type>>;
  template <class T>
  using allocator = tarn::pool_allocator<T, pool_type>;

  static constexpr std::string_view name = "tarn";

  pool_type reads{tarn::options{.name = "reads"}};        ///< input, while a request is incomplete
  pool_type replies{tarn::options{.name = "replies"}};    ///< output, until it is written
  pool_type messages{tarn::options{.name = "messages"}};  ///< published, until all have it
  pool_type store{tarn::options{.name = "store"}};        ///< keys, values, state of connections

  /// Unlike a default writer, it keeps no block without content: most connections are idle.
  [[nodiscard]] static writer make_writer(pool_type& pool, std::size_t most_bytes) {
    return writer(pool, {.initial_bytes = 512, .max_bytes = most_bytes, .keep_bytes = 0});
  }

  /// The section of INFO.
  void describe(std::string& out) const {
    for (const auto* const pool : all()) {
      const auto seen = pool->snapshot();
      const auto sum = seen.total();
      out += pool->name() + ":gets=" + std::to_string(sum.gets) +
             ",in_use=" + std::to_string(sum.in_use + seen.large.in_use) +
             ",idle=" + std::to_string(sum.idle) +
             ",slab_bytes=" + std::to_string(seen.slab_bytes) + "\r\n";
    }
  }
  [[nodiscard]] std::size_t held_bytes() const {
    std::size_t sum = 0;
    for (const auto* const pool : all())
      sum += pool->snapshot().slab_bytes;
    return sum;
  }
  void maintain() {
    for (auto* const pool : {&reads, &replies, &messages, &store})
      pool->maintain();
  }
  /// Prints one line for each pool. Returns: true if no block is in use, in any of them.
  [[nodiscard]] bool balance() const {
    bool even = true;
    for (const auto* const pool : all()) {
      const auto now = pool->occupancy();
      std::fprintf(stderr, "broker: pool %s: %llu blocks unaccounted\n", pool->name().c_str(),
                   static_cast<unsigned long long>(now.in_use()));
      even = even && now.in_use() == 0 && now.nodes.in_use == 0;
    }
    return even;
  }

 private:
  [[nodiscard]] std::array<const pool_type*, 4> all() const {
    return {&reads, &replies, &messages, &store};
  }
};

/// Returns: a copy of `text` that may have several owners.
template <class Pool>
[[nodiscard]] typename Pool::shared_buffer share_copy(Pool& pool, std::string_view text) {
  auto made = pool.get_shared(text.size());
  if (!text.empty()) std::memcpy(made.make_unique().data(), text.data(), text.size());
  return made;
}

}  // namespace broker
