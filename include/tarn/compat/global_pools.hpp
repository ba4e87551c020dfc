// SPDX-License-Identifier: MIT
//
// Pools that a program need not declare: one per size class, and one per type. The first use makes
// and publishes them. They are never destroyed.
//
//   auto b = tarn::global_pools().get(3000);        // from the pool "global-4096"
//   auto s = tarn::pool_of<std::string>().get();

#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/immortal.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/policy/runtime_tiers.hpp>

namespace tarn {

/// One byte pool per size class. A class is a power of two, so that a hundred odd sizes do not make
/// a hundred pools. The first get of a class makes its pool and publishes it under "prefix-size".
///
/// A put never makes a pool. If the name is taken or the registry is full, the pool works
/// unpublished.
///
/// Thread safety: any thread may call any member except the destructor at any time.
class sized_pools {
 public:
  using pool_type = byte_pool<thread_cached<>, counting_stats, traits<runtime_tiers>>;
  using buffer = pool_type::buffer;

  static constexpr std::size_t least_bytes = 64;
  static constexpr std::size_t default_largest = std::size_t{64} << 20;
  static constexpr std::size_t default_max_objects = 1000;

  /// `each`: the options of every pool, without a name; by default 1000 idle blocks are kept.
  /// `largest`: the largest class; larger requests are refused.
  ///
  /// Throws: `std::invalid_argument` if the prefix is empty, if `largest` is not a power of two
  /// from
  ///   64 to 2^40, or if the options are not valid.
  sized_pools() : sized_pools(pools()) {}
  explicit sized_pools(pool_registry& seen_in, std::string prefix = "global",
                       std::size_t largest = default_largest, options each = default_options())
      : seen_in_(seen_in), prefix_(std::move(prefix)), largest_(largest), each_(std::move(each)) {
    if (prefix_.empty()) detail::throw_invalid("length of the prefix", 0, "must be at least", 1);
    if (largest < least_bytes || largest > detail::max_tier_bytes ||
        !std::has_single_bit(largest)) {
      detail::throw_invalid("largest", largest, "must be a power of two from 64 to",
                            detail::max_tier_bytes);
    }
    tarn::validate(each_);
  }
  sized_pools(const sized_pools&) = delete;
  sized_pools& operator=(const sized_pools&) = delete;
  ~sized_pools() {
    for (auto& place : pools_)
      delete place.load(std::memory_order::acquire);
  }

  /// The block size of the class of `size`. Throws: `std::length_error` above the largest class.
  [[nodiscard]] std::size_t class_of(std::size_t size) const {
    if (size > largest_) detail::throw_length("size", size, "must be at most", largest_);
    return size <= least_bytes ? least_bytes : std::bit_ceil(size);
  }
  /// Returns: the pool for `size`. Makes it at the first call.
  /// Throws: as `class_of`; `std::bad_alloc`.
  [[nodiscard]] pool_type& pool(std::size_t size) {
    const auto bytes = class_of(size);
    auto& place = place_of(bytes);
    // (1) acquire, pairs with (2): a visible pool is complete.
    if (named* const there = place.load(std::memory_order::acquire)) return there->pool;
    options o = each_;
    o.name = prefix_ + '-' + std::to_string(bytes);
    auto made = std::make_unique<named>(std::move(o), bytes);
    named* first = nullptr;
    // (2) release, pairs with (1); acquire: also pairs with the (2) of a thread that was first.
    if (!place.compare_exchange_strong(first, made.get(), std::memory_order::acq_rel,
                                       std::memory_order::acquire)) {
      return first->pool;
    }
    named* const mine = made.release();
    mine->seen = seen_in_.try_publish(mine->pool);
    return mine->pool;
  }
  /// Returns: the pool for `size`; null if it was not made yet.
  [[nodiscard]] pool_type* find(std::size_t size) const noexcept {
    if (size > largest_) return nullptr;
    named* const there = place_of(class_of(size)).load(std::memory_order::acquire);
    return there != nullptr ? &there->pool : nullptr;
  }

  /// Gets a buffer of `size` bytes. Throws: as `pool`, and as `byte_pool::get`.
  [[nodiscard]] buffer get(std::size_t size) { return pool(size).get(size); }
  /// Gives a buffer back to the pool it came from.
  static void put(buffer&& b) noexcept { b.reset(); }

  /// Gets raw memory of at least `size` bytes. Throws: as `get`.
  [[nodiscard]] void* allocate(std::size_t size) { return pool(size).allocate(size); }
  /// Gives raw memory of `capacity` bytes back.
  ///
  /// Returns: false, without an effect, if the memory is not in a slab of one of these pools. It
  ///   does not detect a double return: see `checked`.
  bool deallocate(void* p, std::size_t capacity) noexcept {
    pool_type* const home = find(capacity);
    if (home == nullptr || !home->owns(p)) return false;
    home->deallocate(p, capacity);
    return true;
  }

  /// The number of pools made so far.
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t count = 0;
    for (const auto& place : pools_)
      count += place.load(std::memory_order::relaxed) != nullptr;  // a number: the pool is not read
    return count;
  }
  /// As `byte_pool::trim` for each pool. Returns: the number of bytes that all pools gave back.
  std::size_t trim() noexcept {
    std::size_t given = 0;
    for (auto& place : pools_) {
      if (named* const there = place.load(std::memory_order::acquire)) given += there->pool.trim();
    }
    return given;
  }

  [[nodiscard]] static options default_options() {
    options o;
    o.max_objects = default_max_objects;
    return o;
  }

 private:
  struct named {
    named(options o, std::size_t bytes) : pool(std::move(o), runtime_tiers{bytes}) {}
    pool_type pool;
    publication seen;  // set by the thread that made the pool, before the pool can end
  };
  static constexpr std::size_t classes = 41;  // 2^0 to 2^40 bytes

  [[nodiscard]] static std::size_t index_of(std::size_t bytes) noexcept {
    return static_cast<std::size_t>(std::countr_zero(bytes));
  }
  [[nodiscard]] std::atomic<named*>& place_of(std::size_t bytes) noexcept {
    return pools_[index_of(bytes)];
  }
  [[nodiscard]] const std::atomic<named*>& place_of(std::size_t bytes) const noexcept {
    return pools_[index_of(bytes)];
  }

  pool_registry seen_in_;
  std::string prefix_;
  std::size_t largest_;
  options each_;
  std::atomic<named*> pools_[classes] = {};
};

/// The sized pools of the program. Never destroyed.
[[nodiscard]] inline sized_pools& global_pools() {
  static immortal<sized_pools> all;
  return *all;
}

namespace detail {

/// The compiler's name for `T`.
template <class T>
[[nodiscard]] std::string_view name_of_type() noexcept {
#if defined(__cpp_rtti)
  return typeid(T).name();
#else
  return signature_with<T>();
#endif
}

}  // namespace detail

/// The name of the pool of `T`. The compiler's name for `T`, unless specialised:
///
///   template <>
///   inline constexpr std::string_view tarn::type_label<session> = "sessions";
template <class T>
inline constexpr std::string_view type_label = {};

/// The object pool of the program for `T`. Its first use makes it, with at most 1000 idle objects,
/// and publishes it as "type-" and its label. Never destroyed.
///
/// If that name is taken or the registry is full, the pool works unpublished.
template <class T>
[[nodiscard]] object_pool<T>& pool_of() {
  struct named {
    explicit named(options o) : pool(std::move(o)), seen(pools().try_publish(pool)) {}
    object_pool<T> pool;
    publication seen;
  };
  static immortal<named> only([] {
    options o;
    o.name =
        "type-" + std::string(type_label<T>.empty() ? detail::name_of_type<T>() : type_label<T>);
    o.max_objects = sized_pools::default_max_objects;
    return o;
  }());
  return only->pool;
}

}  // namespace tarn
