// SPDX-License-Identifier: MIT
//
// variant_pool: one pool for objects of a closed set of types.
//
//   tarn::variant_pool<opened, moved, closed> events({.name = "events"});
//   auto e = events.make<moved>(3, 4);           // a handle of a `moved`
//   e->x += 1;                                   // ends, and goes home, with its handle

#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/type_tiers.hpp>

namespace tarn {

/// The move-only owner of one object of a variant_pool. It is empty by default, after `reset` and
/// after a move. Two pointers.
///
/// It may outlive its pool and the thread that took it. Thread safety: as an `int`.
template <class T, class Pool>
class variant_handle {
 public:
  using value_type = T;

  constexpr variant_handle() noexcept = default;
  constexpr variant_handle(variant_handle&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)), owner_(other.owner_) {}
  constexpr variant_handle& operator=(variant_handle&& other) noexcept {
    variant_handle(std::move(other)).swap(*this);
    return *this;
  }
  ~variant_handle() {
    if (object_ == nullptr) return;
    object_->~T();
    // The handle of the block gives it back.
    static_cast<void>(block::from_raw({object_, sizeof(T), detail::stride_for(sizeof(T)), owner_}));
  }

  constexpr void swap(variant_handle& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(owner_, other.owner_);
  }
  friend constexpr void swap(variant_handle& a, variant_handle& b) noexcept { a.swap(b); }

  /// Destroys the object and gives its block back, if it owns one. Never fails.
  void reset() noexcept { variant_handle().swap(*this); }
  /// Gives up ownership. `pool.put(pointer)` ends the object then.
  [[nodiscard]] constexpr T* detach() noexcept { return std::exchange(object_, nullptr); }

  /// Returns: the object; null if the handle is empty.
  [[nodiscard]] constexpr T* get() const noexcept { return object_; }
  /// Preconditions (also of `operator->`): not empty.
  [[nodiscard]] constexpr T& operator*() const noexcept { return *object_; }
  [[nodiscard]] constexpr T* operator->() const noexcept { return object_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  friend Pool;
  using block = typename Pool::pool_type::buffer;

  constexpr variant_handle(T* object, void* owner) noexcept : object_(object), owner_(owner) {}

  T* object_ = nullptr;
  void* owner_ = nullptr;  // only valid with an object
};

/// A byte_pool for objects of the types `Ts`, with a tier for each of their sizes: see
/// `type_tiers`. All types share the slabs, the limits and the statistics of one pool, and types
/// of one size share their blocks. An object is constructed by `make` and destroyed on return, as
/// in a built_pool; constructors and destructors run outside every lock and may use the pool.
///
/// Thread safety: as byte_pool.
template <class... Ts, class Lock, class Stats, class Check, class Source>
class basic_variant_pool<type_tiers<Ts...>, Lock, Stats, Check, Source> {
  static_assert(((std::is_object_v<Ts> && !std::is_const_v<Ts> && !std::is_array_v<Ts>) && ...),
                "variant_pool: the types must be objects, neither const nor arrays");
  static_assert((std::is_nothrow_destructible_v<Ts> && ...),
                "variant_pool: destructors must not throw");
  static_assert(((alignof(Ts) <= options::min_slab_bytes) && ...),
                "variant_pool: an alignment above 64 KiB is more than that of a slab");

 public:
  using tiers_type = type_tiers<Ts...>;
  using pool_type = byte_pool<Lock, Stats, traits<tiers_type, Check, Source>>;
  using where_type = typename pool_type::where_type;
  template <class T>
  using handle = variant_handle<T, basic_variant_pool>;

  /// Whether `T` is one of the types.
  template <class T>
  static constexpr bool holds = (std::same_as<T, Ts> || ...);

  /// Throws: as the constructor of byte_pool. `initial_objects` are blocks of each size.
  template <std::default_initializable S = Source>
  basic_variant_pool() : basic_variant_pool(options{}) {}
  template <std::default_initializable S = Source>
  explicit basic_variant_pool(options o) : basic_variant_pool(std::move(o), S()) {}
  explicit basic_variant_pool(options o, Source source)
      : pool_(fitted(std::move(o)), {}, std::move(source)) {}

  /// Builds an object in a pooled block.
  ///
  /// Throws: as `byte_pool::get`, and what the constructor throws; no block is lost then.
  /// Complexity: O(1); a miss may take a slab from the source.
  template <class T, class... Args>
    requires(holds<T> && std::constructible_from<T, Args...>)
  [[nodiscard]] handle<T> make(Args&&... args) {
    return make_at<T>(where_type(), std::forward<Args>(args)...);
  }
  /// As `make`, but returns an empty handle if the pool has no memory. Throws: what the constructor
  /// throws.
  template <class T, class... Args>
    requires(holds<T> && std::constructible_from<T, Args...>)
  [[nodiscard]] handle<T> try_make(Args&&... args) {
    return build<T>(pool_.try_get(sizeof(T), where_type()), std::forward<Args>(args)...);
  }
  /// As `try_make`, but waits as `byte_pool::get_for` and `get_until`.
  template <class T, class... Args>
    requires(holds<T> && std::constructible_from<T, Args...> && can_wait_for_other_threads<Lock>)
  [[nodiscard]] handle<T> make_for(time_span at_most, Args&&... args) {
    return build<T>(pool_.get_for(sizeof(T), at_most, where_type()), std::forward<Args>(args)...);
  }
  template <class T, class... Args>
    requires(holds<T> && std::constructible_from<T, Args...> && can_wait_for_other_threads<Lock>)
  [[nodiscard]] handle<T> make_until(time_span deadline, Args&&... args) {
    return build<T>(pool_.get_until(sizeof(T), deadline, where_type()),
                    std::forward<Args>(args)...);
  }
  /// As `make`, with a call site for stats policies. See `object_pool::make_at`.
  template <class T, class... Args>
    requires(holds<T> && std::constructible_from<T, Args...>)
  [[nodiscard]] handle<T> make_at(where_type where, Args&&... args) {
    return build<T>(pool_.get(sizeof(T), where), std::forward<Args>(args)...);
  }

  /// Ends an object. Ignores an empty handle.
  template <class T>
  void put(handle<T>&& object) noexcept {
    object.reset();
  }
  /// Ends an object that `handle::detach` gave up, of exactly this type. Ignores null.
  template <class T>
    requires(holds<T>)
  void put(T* object) noexcept {
    if (object == nullptr) return;
    object->~T();
    pool_.deallocate(object, sizeof(T));
  }

  /// The byte_pool behind it, for everything else: snapshots, upkeep, closing.
  [[nodiscard]] pool_type& sized() noexcept { return pool_; }
  [[nodiscard]] const pool_type& sized() const noexcept { return pool_; }

 private:
  /// The room of a check moves blocks off the alignment of their objects.
  [[nodiscard]] static options fitted(options o) noexcept {
    if constexpr (detail::parts_in<Check>::type::room_bytes != 0) {
      std::size_t most = 1;
      ((most = detail::max_of(most, alignof(Ts))), ...);
      const std::size_t asked = o.alignment.value_or(1);
      // An option that is wrong stays, for its error.
      if (std::has_single_bit(asked) && asked < most) o.alignment = most;
    }
    return o;
  }
  /// If the constructor throws, the handle of the block gives it back.
  template <class T, class... Args>
  [[nodiscard]] static handle<T> build(typename pool_type::buffer block, Args&&... args) {
    if (!block) return {};
    T* const object = ::new (static_cast<void*>(block.data())) T(std::forward<Args>(args)...);
    return {object, std::move(block).to_raw().owner};
  }

  pool_type pool_;
};

}  // namespace tarn
