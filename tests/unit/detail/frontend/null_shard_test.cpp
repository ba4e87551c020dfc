// SPDX-License-Identifier: MIT
//
// The null shard, behind whose end nothing can be read: no recorder lies in it.

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/access.hpp>
#include <tarn/detail/frontend/shard.hpp>

#include "support/catch.hpp"

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>

namespace {

constexpr std::size_t page = 4096;

/// A null shard at the end of two pages, in front of sixteen that can't be read.
class last_in_memory {
 public:
  last_in_memory()
      : pages_(
            mmap(nullptr, 18 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    REQUIRE(pages_ != MAP_FAILED);
    REQUIRE(mprotect(byte(2 * page), 16 * page, PROT_NONE) == 0);
    made_ = ::new (byte(2 * page - sizeof(null_shard))) null_shard;
    REQUIRE(mprotect(pages_, 2 * page, PROT_READ) == 0);  // nothing is stored to it, either
  }
  last_in_memory(const last_in_memory&) = delete;
  last_in_memory& operator=(const last_in_memory&) = delete;
  ~last_in_memory() { munmap(pages_, 18 * page); }

  [[nodiscard]] void* shard() const { return made_; }

 private:
  using null_shard = tarn::detail::null_shard<tarn::detail::native_env>;
  static_assert(sizeof(null_shard) <= 2 * page);

  [[nodiscard]] std::byte* byte(std::size_t at) const {
    return static_cast<std::byte*>(pages_) + at;
  }

  void* pages_;
  null_shard* made_ = nullptr;
};

struct wide_stats : tarn::counting_stats {
  template <class Counter>
  struct recorder {
    void on_get(std::uint32_t, std::size_t) noexcept { ++gets; }
    void on_put(std::uint32_t) noexcept {}
    void on_oversize(std::size_t) noexcept {}
    std::uint64_t gets = 0;
    std::byte room[4 * page] = {};
  };
};

template <class Stats>
void look_at_all_caches() {
  const last_in_memory memory;
  tarn::byte_pool<tarn::thread_cached<>, Stats> pool;
  auto& core = *tarn::detail::access::core_of(pool);
  using core_type = typename std::remove_reference_t<decltype(core)>;
  using front = typename core_type::front;
  auto* const shard = static_cast<typename core_type::shard_type*>(memory.shard());
  for (std::size_t place = 0; place != pool.tiers().count() + 1; ++place)
    CHECK_FALSE(front::has_next(core, place, shard));
  CHECK(core.take_hit(shard, 0, 100, true) == nullptr);
  std::byte block{};
  CHECK_FALSE(core.give_hit(shard, 0, &block));
}

}  // namespace

TEST_CASE("the null shard is empty and full at once, also for a pool with a recorder", "[detail]") {
  look_at_all_caches<tarn::no_stats>();
  look_at_all_caches<wide_stats>();
}
#endif
