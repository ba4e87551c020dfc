// SPDX-License-Identifier: MIT
// Can a device know the memory of a pool, and can I find the key of a block?

#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <optional>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/registered_source.hpp>

namespace {

/// Locks pages, so that the system never moves them out; the key is a number. One for an io_uring
/// would call io_uring_register_buffers_update_tag here, one for RDMA ibv_reg_mr.
class locked_pages {
 public:
  using key_type = int;

  std::optional<key_type> register_memory(void* p, std::size_t bytes) {
    if (mlock(p, bytes) != 0) return std::nullopt;  // more than the system allows (ulimit -l)
    return next_++;
  }
  void unregister_memory(void* p, std::size_t bytes, const key_type&) noexcept {
    munlock(p, bytes);
  }

  locked_pages() = default;
  locked_pages(locked_pages&& other) noexcept : next_(other.next_.load()) {}

 private:
  std::atomic<int> next_{0};
};

using memory_type = tarn::registered_source<locked_pages>;
using pool_type = tarn::byte_pool<
    tarn::thread_cached<>, tarn::counting_stats,
    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, tarn::source_ref<memory_type>>>;

}  // namespace

int main() {
  memory_type memory;
  pool_type pool({.name = "device", .slab_bytes = std::size_t{1} << 20}, {}, memory);
  const auto block = pool.try_get(4096);
  if (!block) {
    std::puts("the system locks no memory for this program");
    return 0;
  }
  // What a system call with fixed buffers wants: the key of the region, and where the block is.
  const auto* const region = memory.find(block.data());
  std::printf("region %d of %zu KiB, block at byte %zu\n", region->key, region->bytes >> 10,
              region->offset_of(block.data()));
  return region->offset_of(block.data()) + block.size() <= region->bytes ? 0 : 1;
}
