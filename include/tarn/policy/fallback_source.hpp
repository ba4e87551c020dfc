// SPDX-License-Identifier: MIT
//
// fallback_source: a second source for when the first is exhausted.
//
//   using source = tarn::fallback_source<tarn::source_ref<arena>, tarn::heap_source>;
//   tarn::byte_pool<std::mutex, tarn::no_stats,
//                   tarn::traits<tarn::small_tiers, tarn::no_check, source>>
//       pool({}, {}, source(my_arena));

#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <unordered_set>
#include <utility>

#include <tarn/detail/base/guard.hpp>
#include <tarn/policy/source.hpp>

namespace tarn {

/// Takes memory from `First` and, once that is exhausted, from `Then`. Memory goes back where it
/// came from.
///
/// If `First` has `owns(p)`, or refers to a source that has it, nothing else is kept. Otherwise the
/// addresses of what came from `Then` are kept in a hash table on the heap.
///
/// Throws: what `Then` throws; `std::bad_alloc` if there is no memory for an address. Complexity:
///   that of the two, and O(1). Thread safety: as the two.
template <memory_source First, memory_source Then>
class fallback_source {
  static constexpr bool first_knows = requires(const First& first, const void* p) {
    { first.owns(p) } noexcept;
  };

 public:
  static constexpr bool is_purgeable =
      detail::is_purgeable_v<First> && detail::is_purgeable_v<Then>;
  static constexpr bool is_below_heap =
      first_knows && detail::is_below_heap_v<First> && detail::is_below_heap_v<Then>;

  fallback_source() = default;
  fallback_source(First first, Then then = {}) : first_(std::move(first)), then_(std::move(then)) {}

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    try {
      return first_.allocate(bytes, alignment);
    } catch (const std::bad_alloc&) {
      // Outside of this block `Then` may throw anything.
    }
    void* const p = then_.allocate(bytes, alignment);
    if constexpr (!first_knows) {
      try {
        const detail::guard<system_mutex> hold(kept_->lock);
        kept_->from_then.insert(p);
      } catch (...) {
        then_.deallocate(p, bytes, alignment);
        throw;
      }
    }
    return p;
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    is_of_first(p) ? first_.deallocate(p, bytes, alignment) : then_.deallocate(p, bytes, alignment);
  }
  void trim() noexcept {
    trim_one(first_);
    trim_one(then_);
  }

 private:
  struct addresses {
    system_mutex lock;
    std::unordered_set<void*> from_then;
  };
  struct no_addresses {};

  [[nodiscard]] bool is_of_first(void* p) noexcept {
    if constexpr (first_knows) {
      return first_.owns(p);
    } else {
      const detail::guard<system_mutex> hold(kept_->lock);
      return kept_->from_then.erase(p) == 0;
    }
  }
  template <class Source>
  static void trim_one(Source& source) noexcept {
    if constexpr (requires { requires noexcept(source.trim()); }) source.trim();
  }
  [[nodiscard]] static auto make() {
    if constexpr (first_knows) {
      return no_addresses();
    } else {
      return std::make_unique<addresses>();
    }
  }

  First first_;
  Then then_;
  TARN_NO_UNIQUE_ADDRESS decltype(make()) kept_ = make();
};

}  // namespace tarn
