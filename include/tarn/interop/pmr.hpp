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

#include <tarn/arena.hpp>
#include <tarn/byte_pool.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// A memory resource that takes its memory from a byte pool, for every size and alignment. It stays
/// usable after a failure.
///
/// Two resources are equal if they refer to the same pool.
///
/// Preconditions: the pool outlives the resource and every container that uses it.
/// Throws: `pool_exhausted`, a `std::bad_alloc`, if memory or a limit is exhausted; `pool_closed`;
///   `std::length_error` for a size above PTRDIFF_MAX.
/// Thread safety: as the pool. With a concurrent pool it replaces the standard's
///   `synchronized_pool_resource`, with `no_lock` its `unsynchronized_pool_resource`.
template <class Pool>
class pool_resource : public std::pmr::memory_resource {
  static constexpr bool upstream_is_known = std::same_as<typename Pool::source_type, heap_source> ||
                                            requires(const typename Pool::source_type& source) {
                                              {
                                                source.upstream()
                                              } -> std::same_as<std::pmr::memory_resource*>;
                                            };

 public:
  /// Refers to `default_pool()`. Throws: what its first use throws.
  pool_resource()
    requires std::same_as<Pool, byte_pool<>>
      : pool_(&default_pool()) {}
  explicit pool_resource(Pool& pool) noexcept : pool_(&pool) {}

  [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

  // The names of the standard's pool resources.

  /// `largest_required_pool_block` is the last tier: larger blocks go to the source.
  /// `max_blocks_per_chunk` is 0, since slabs are counted in bytes.
  [[nodiscard]] std::pmr::pool_options options() const noexcept {
    std::pmr::pool_options made;
    made.largest_required_pool_block = pool_->tiers().size_of(pool_->tiers().count() - 1);
    return made;
  }
  /// The resource below the pool, if its source is one: that of a `resource_source`, and
  /// `new_delete_resource` for a `heap_source`.
  [[nodiscard]] std::pmr::memory_resource* upstream_resource() const noexcept
    requires upstream_is_known
  {
    if constexpr (std::same_as<typename Pool::source_type, heap_source>) {
      return std::pmr::new_delete_resource();
    } else {
      return pool_->source().upstream();
    }
  }
  /// Gives all idle memory back to the source. Memory in use stays valid, unlike with the
  /// standard's, and nothing leaks: its owners give it back later.
  void release() noexcept { pool_->clear(); }

 protected:
  [[nodiscard]] void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    // Every block has these alignments, if they are powers of two, which is a precondition. So they
    // need no further test.
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

/// A memory resource that takes its memory from an arena. What is given back stays taken until the
/// arena's `reset` or `rewind`, as with the standard's `monotonic_buffer_resource`.
///
/// Two resources are equal if they refer to the same arena.
///
/// Preconditions: the arena outlives the resource and every container that uses it; they are not
/// used any more after a reset. Throws: as `arena::allocate`. Thread safety: as the arena.
template <class Pool>
class arena_resource : public std::pmr::memory_resource {
 public:
  explicit arena_resource(tarn::arena<Pool>& from) noexcept : arena_(&from) {}
  [[nodiscard]] tarn::arena<Pool>& arena() const noexcept { return *arena_; }

 protected:
  [[nodiscard]] void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return arena_->allocate(bytes, alignment);
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* const same = dynamic_cast<const arena_resource*>(&other);
    return same != nullptr && same->arena_ == arena_;
  }

 private:
  tarn::arena<Pool>* arena_;
};

/// A source that takes a pool's slabs from a memory resource, as the standard's pools do from their
/// upstream: `traits<Tiers, Check, resource_source>`.
///
/// Preconditions: the resource outlives the pool and every handle to memory of the pool; its
///   `deallocate` does not throw. Thread safety: as the resource: a concurrent pool needs a
///   resource that any thread may call.
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
  [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }

 private:
  std::pmr::memory_resource* upstream_;
};

}  // namespace tarn
