// SPDX-License-Identifier: MIT
//
// A pool as a std::pmr::memory_resource, and a memory_resource as a pool's source.
//
//   tarn::pool_resource<> memory;              // tarn::default_pool(), or the pool it is given
//   std::pmr::vector<std::pmr::string> names(&memory);

#pragma once

#include <concepts>
#include <cstddef>
#include <memory_resource>

#include <tarn/byte_pool.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// A memory resource whose memory is from a byte pool: right for every size and alignment, and as
/// usable as before after a failure.
///
/// It refers to the pool, which must outlive it and every container that uses it. Two are equal if
/// they refer to the same pool. It throws what the pool throws: `pool_exhausted`, a
/// `std::bad_alloc`, where memory or a limit is exhausted; `pool_closed`; `std::length_error` for a
/// size above PTRDIFF_MAX.
///
/// Thread safety: that of the pool; the standard's `synchronized_pool_resource` becomes one of a
/// concurrent pool, `unsynchronized_pool_resource` one of a pool with `no_lock`.
template <class Pool>
class pool_resource : public std::pmr::memory_resource {
 public:
  /// Refers to `default_pool()`. Throws: what its first use throws.
  pool_resource()
    requires std::same_as<Pool, byte_pool<>>
      : pool_(&default_pool()) {}
  explicit pool_resource(Pool& pool) noexcept : pool_(&pool) {}

  [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

 protected:
  [[nodiscard]] void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    // Every block has the usual alignments: nothing of them is left to look at, as long as they are
    // powers of two, which is for the caller to see to.
    return alignment <= Pool::default_alignment ? pool_->allocate(bytes)
                                                : pool_->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    pool_->deallocate(p, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* const same = dynamic_cast<const pool_resource*>(&other);
    return same != nullptr && same->pool_ == pool_;
  }

 private:
  Pool* pool_;
};

/// A memory source that takes a pool's slabs from a memory resource, as the standard's pools do
/// from their upstream: `traits<Tiers, Check, resource_source>`.
///
/// Preconditions: the resource outlives the pool and every handle to memory of the pool; its
///   `deallocate` does not throw. Thread safety: that of the resource, so a concurrent pool needs
///   one that any thread may call.
class resource_source {
 public:
  resource_source() noexcept : upstream_(std::pmr::get_default_resource()) {}
  resource_source(std::pmr::memory_resource* upstream) noexcept : upstream_(upstream) {}

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    return upstream_->allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    upstream_->deallocate(p, bytes, alignment);
  }

 private:
  std::pmr::memory_resource* upstream_;
};

}  // namespace tarn
