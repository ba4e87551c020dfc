// SPDX-License-Identifier: MIT
//
// object_pool: objects of one type that are reused instead of destroyed.
//
//   tarn::object_pool<std::vector<int>> vectors;          // kept: clear() resets, capacity stays
//   auto v = vectors.get();
//   v->push_back(1);                                      // `v` goes back at the end of its scope
//
//   using built = tarn::object_traits<tarn::build_objects>;
//   tarn::object_pool<session, tarn::thread_cached<>, tarn::counting_stats, built> sessions;
//   auto s = sessions.make(socket);                       // destroyed on its return

#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/base/deadline.hpp>
#include <tarn/detail/pool/object_core_slow.hpp>
#include <tarn/fwd.hpp>
#include <tarn/immortal.hpp>
#include <tarn/policy/lifecycle.hpp>
#include <tarn/pool_base.hpp>

namespace tarn {

/// The move-only owner of one pooled object. It is empty by default, after `reset` and after a
/// move.
///
/// Two pointers, or one for a static pool (see `static_pool`). It may outlive its pool and the
/// thread that took it. Thread safety: as an `int`.
template <class Pool>
class object_handle {
 public:
  using value_type = typename Pool::value_type;

  constexpr object_handle() noexcept = default;
  constexpr object_handle(object_handle&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)), core_(other.core_) {}
  constexpr object_handle& operator=(object_handle&& other) noexcept {
    object_handle(std::move(other)).swap(*this);
    return *this;
  }
  TARN_FORCE_INLINE ~object_handle() {
    if (object_ != nullptr) core_->give_object(object_);
  }

  constexpr void swap(object_handle& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(core_, other.core_);
  }
  friend constexpr void swap(object_handle& a, object_handle& b) noexcept { a.swap(b); }

  /// Gives the object back, if it owns one. Never fails.
  void reset() noexcept { object_handle().swap(*this); }
  /// Gives up ownership. `pool.put(pointer)` gives the object back then.
  [[nodiscard]] constexpr value_type* detach() noexcept { return std::exchange(object_, nullptr); }

  [[nodiscard]] constexpr value_type* get() const noexcept { return object_; }
  /// Preconditions: not empty.
  [[nodiscard]] constexpr value_type& operator*() const noexcept { return *object_; }
  [[nodiscard]] constexpr value_type* operator->() const noexcept { return object_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  template <class, class, class, class>
  friend class object_pool;
  friend struct detail::access;
  using core_type = typename detail::access::of<Pool>::core;

  constexpr object_handle(value_type* object, core_type* core) noexcept
      : object_(object), core_(core) {}

  value_type* object_ = nullptr;
  core_type* core_ = nullptr;  // only valid with an object
};

namespace detail {

/// The public base of object and message pools: a pool of `T` without functions to get objects.
template <class T, class Lock, class Stats, class Traits>
class object_pool_base : public pool_base<object_core<object_config<T, Lock, Stats, Traits>>> {
  using base = pool_base<object_core<object_config<T, Lock, Stats, Traits>>>;
  using lives = typename Traits::lifecycle;

 public:
  /// Makes `objects` more objects (kept) or blocks (built) ready. See `byte_pool::prewarm`.
  /// Throws: as `byte_pool::prewarm`, and what the factory throws.
  void prewarm(std::size_t objects) { this->prewarm_tier(0, objects); }
  /// Makes the depot hold `objects` idle objects: makes the missing ones, or destroys the surplus.
  /// From now on the pool discards objects that come back above that number. Live objects stay
  /// valid. Throws: as `prewarm`; the bound is unchanged then, and all idle objects are kept.
  void resize(std::size_t objects) { this->resize_tier(0, objects); }

 protected:
  using core_type = object_core<object_config<T, Lock, Stats, Traits>>;

  explicit object_pool_base(const options& o, lives how, typename Traits::source source)
      : base(new core_type(settings_of(o, how), {std::move(how)}, std::move(source), o.name,
                           o.keep_capacity_bytes.value_or(options::default_keep_capacity_bytes),
                           o.default_capacity.value_or(0), o.zeroing == zeroing::secure),
             o) {
    this->prewarm_initially();
  }

 private:
  [[nodiscard]] static core_settings settings_of(const options& o, const lives& how) {
    how.require_valid();
    if constexpr (lives::keeps && !std::is_trivially_destructible_v<T> && !is_measurable<T>()) {
      if (o.keep_capacity_bytes) {
        throw_invalid("keep_capacity_bytes", *o.keep_capacity_bytes,
                      "can't be heeded: what the objects hold is not known, until they tell "
                      "it by a member std::size_t kept_bytes() const");
      }
    }
    if (o.zeroing != zeroing::none && o.zeroing != zeroing::secure) {
      throw_invalid("zeroing", static_cast<unsigned>(o.zeroing),
                    "must be none (0) or secure (4) in an object pool");
    }
    if constexpr (lives::keeps && !can_wipe<T>) {
      if (o.zeroing == zeroing::secure) {
        throw_invalid("zeroing", static_cast<unsigned>(o.zeroing),
                      "can't be heeded: kept objects that are neither strings nor vectors of plain "
                      "bytes need a member void wipe() noexcept");
      }
    }
    return detail::settings_of<typename Traits::source>(o);
  }
};

}  // namespace detail

/// A pool of objects of type `T`.
///
/// `Traits` choose the lifecycle: objects are kept between uses (`get`; the default) or built for
/// each use (`make`). User code (factory, constructor, reset, destructor) runs outside every lock
/// and may use the pool.
///
/// A kept object that is idle in a thread's cache is destroyed by that thread. If destructors must
/// run when the pool closes, use `no_lock` or a mutex.
///
/// Thread safety: as byte_pool.
template <class T, class Lock, class Stats, class Traits>
class object_pool : public detail::object_pool_base<T, Lock, Stats, Traits> {
  using base = detail::object_pool_base<T, Lock, Stats, Traits>;
  using core_type = typename base::core_type;

 public:
  using value_type = T;
  using lock_type = Lock;
  using stats_type = Stats;
  using traits_type = Traits;
  using lifecycle_type = typename Traits::lifecycle;
  using source_type = typename Traits::source;
  using handle = object_handle<object_pool>;

  /// The call site of a get, for stats policies that follow objects. See byte_pool.
  using where_type = typename core_type::where_type;

  static constexpr bool keeps_objects = lifecycle_type::keeps;

  /// Throws: `std::invalid_argument`, with the value and the limit, if the options are not valid;
  /// `std::bad_alloc`; what the factory throws for `initial_objects`.
  // (Both constructors are templates: if a class is instantiated explicitly, clang 14 also
  // instantiates members whose constraints do not hold.)
  template <std::default_initializable Source = source_type>
  object_pool()
    requires detail::needs_nothing<lifecycle_type>
      : object_pool(options{}) {}
  template <std::default_initializable Source = source_type>
  explicit object_pool(options o, lifecycle_type lifecycle = {})
      : object_pool(std::move(o), std::move(lifecycle), Source()) {}
  explicit object_pool(options o, lifecycle_type lifecycle, source_type source)
      : base(o, std::move(lifecycle), std::move(source)) {}

  /// Gets an object: an idle one, which was reset, or a new one from the factory.
  ///
  /// Throws: `pool_closed`; `pool_exhausted` if the source or a limit is exhausted; what the
  ///   factory throws. No slot is lost then.
  [[nodiscard]] TARN_FORCE_INLINE handle get(where_type where = where_type::current())
    requires(keeps_objects)
  {
    T* const object = core().take_kept(where);
    if (object == nullptr) [[unlikely]]
      this->fail(sizeof(T));
    return {object, &core()};
  }
  /// As `get`, but returns an empty handle if the pool has no object.
  /// Throws: what the factory throws.
  [[nodiscard]] TARN_FORCE_INLINE handle try_get(where_type where = where_type::current())
    requires(keeps_objects)
  {
    return {core().take_kept(where), &core()};
  }
  /// As `try_get`, but at `capacity` or `limit_bytes` it waits for an object. See
  /// `byte_pool::get_for`. Throws: what the factory throws.
  [[nodiscard]] handle get_for(time_span at_most, where_type where = where_type::current())
    requires(keeps_objects && can_wait_for_other_threads<Lock>)
  {
    return {core().take_kept_until(deadline_after(at_most), where), &core()};
  }
  /// As `get_for`, with a deadline on the steady clock, in nanoseconds since its epoch.
  [[nodiscard]] handle get_until(time_span deadline, where_type where = where_type::current())
    requires(keeps_objects && can_wait_for_other_threads<Lock>)
  {
    return {core().take_kept_until(deadline.count(), where), &core()};
  }
  /// Gets a container with room for at least `capacity` elements, and for
  /// `options::default_capacity`. Throws: as `get`, and what `reserve` throws.
  template <class Container = T>  // tested when it is called: T may be incomplete until then
    requires(keeps_objects && detail::reserves<Container>)
  [[nodiscard]] handle get(std::size_t capacity, where_type where = where_type::current()) {
    handle object = try_get(capacity, where);
    if (!object) [[unlikely]]
      this->fail(sizeof(T));
    return object;
  }
  /// As `get(capacity)`, but returns an empty handle if the pool has no object.
  /// Throws: what the factory and `reserve` throw.
  template <class Container = T>
    requires(keeps_objects && detail::reserves<Container>)
  [[nodiscard]] handle try_get(std::size_t capacity, where_type where = where_type::current()) {
    const auto wanted = detail::max_of(capacity, core().default_capacity());
    return {core().take_adapted(where, [wanted](T& object) { object.reserve(wanted); }), &core()};
  }
  /// As `get_bulk`, but returns false if the pool has too few objects; `out` is unchanged then.
  /// Throws: what the factory throws.
  [[nodiscard]] bool try_get_bulk(std::span<handle> out, where_type where = where_type::current())
    requires(keeps_objects)
  {
    return core().take_many(out.size(), where,
                            [&](std::size_t i, T* object) { out[i] = handle(object, &core()); });
  }
  /// Fills `out` with objects; the handles that it holds before give their objects back.
  /// Throws: as `get`; nothing has changed then, in the pool or in `out`.
  void get_bulk(std::span<handle> out, where_type where = where_type::current())
    requires(keeps_objects)
  {
    if (!try_get_bulk(out, where)) this->fail_many(0, sizeof(T), out.size());
  }

  /// Builds an object in a pooled block.
  ///
  /// Throws: as `get`, and what the constructor throws; no slot is lost then.
  template <class... Args>
    requires(!keeps_objects && std::constructible_from<T, Args...>)
  [[nodiscard]] TARN_FORCE_INLINE handle make(Args&&... args) {
    return make_at(where_type(), std::forward<Args>(args)...);
  }
  template <class... Args>
    requires(!keeps_objects && std::constructible_from<T, Args...>)
  [[nodiscard]] TARN_FORCE_INLINE handle try_make(Args&&... args) {
    return try_make_at(where_type(), std::forward<Args>(args)...);
  }
  /// As `try_make`, but waits as `get_for` of a pool that keeps objects. Throws: what the
  /// constructor throws.
  template <class... Args>
    requires(!keeps_objects && can_wait_for_other_threads<Lock> &&
             std::constructible_from<T, Args...>)
  [[nodiscard]] handle make_for(time_span at_most, Args&&... args) {
    return build_until(deadline_after(at_most), std::forward<Args>(args)...);
  }
  /// As `make_for`, with a deadline on the steady clock, in nanoseconds since its epoch.
  template <class... Args>
    requires(!keeps_objects && can_wait_for_other_threads<Lock> &&
             std::constructible_from<T, Args...>)
  [[nodiscard]] handle make_until(time_span deadline, Args&&... args) {
    return build_until(deadline.count(), std::forward<Args>(args)...);
  }
  /// As `make`, with a call site for stats policies: `pool.make_at(pool.where_type::current(),
  /// ...)`. `make` can't find the call site itself: no default argument can follow an argument
  /// pack.
  template <class... Args>
    requires(!keeps_objects && std::constructible_from<T, Args...>)
  [[nodiscard]] TARN_FORCE_INLINE handle make_at(where_type where, Args&&... args) {
    handle made = try_make_at(where, std::forward<Args>(args)...);
    if (!made) [[unlikely]]
      this->fail(sizeof(T));
    return made;
  }
  template <class... Args>
    requires(!keeps_objects && std::constructible_from<T, Args...>)
  [[nodiscard]] TARN_FORCE_INLINE handle try_make_at(where_type where, Args&&... args) {
    T* made = nullptr;
    if constexpr (std::is_nothrow_constructible_v<T, Args...>) {
      if (void* const block = core().take_block(where)) [[likely]]
        made = ::new (block) T(std::forward<Args>(args)...);
    } else {
      made = core().build_block(
          where, [&](void* block) { return ::new (block) T(std::forward<Args>(args)...); });
    }
    if (made == nullptr) [[unlikely]]
      core().refuse_object();
    return {made, &core()};
  }

  /// Gives an object back. Ignores an empty handle.
  void put(handle&& object) noexcept { object.reset(); }
  /// Gives an object back that `handle::detach` gave up. Ignores null.
  void put(T* object) noexcept {
    if (object != nullptr) core().give_by_hand(object);
  }
  void put_bulk(std::span<handle> objects) noexcept {
    for (auto& object : objects)
      object.reset();
  }

 private:
  friend struct detail::access;
  using base::core;

  [[nodiscard]] static std::int64_t deadline_after(time_span at_most) noexcept {
    return detail::deadline_after<typename core_type::env>(at_most.count());
  }
  template <class... Args>
  [[nodiscard]] handle build_until(std::int64_t deadline, Args&&... args) {
    return {core().build_block_until(
                deadline, where_type(),
                [&](void* block) { return ::new (block) T(std::forward<Args>(args)...); }),
            &core()};
  }
};

/// A pool with a static address, for handles of one pointer.
///
///   inline tarn::immortal<tarn::object_pool<session>> sessions;
///   auto s = tarn::static_pool<sessions>::get();   // sizeof(s) == sizeof(void*)
///
/// A handle finds the pool by its name. Where symbols are hidden, each module has a pool of that
/// name: a handle must not leave the module that it was got in.
template <auto& Pool>
class static_pool {
  using pool_type = std::remove_reference_t<decltype(*Pool)>;

 public:
  using value_type = typename pool_type::value_type;

  /// As `object_handle`, with one pointer.
  class handle {
   public:
    constexpr handle() noexcept = default;
    constexpr handle(handle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    constexpr handle& operator=(handle&& other) noexcept {
      handle taken(std::move(other));
      std::swap(object_, taken.object_);
      return *this;
    }
    ~handle() { (*Pool).put(object_); }

    void reset() noexcept { handle().swap(*this); }
    constexpr void swap(handle& other) noexcept { std::swap(object_, other.object_); }
    [[nodiscard]] constexpr value_type* get() const noexcept { return object_; }
    [[nodiscard]] constexpr value_type& operator*() const noexcept { return *object_; }
    [[nodiscard]] constexpr value_type* operator->() const noexcept { return object_; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return object_ != nullptr; }

   private:
    friend class static_pool;
    constexpr explicit handle(value_type* object) noexcept : object_(object) {}
    value_type* object_ = nullptr;
  };

  [[nodiscard]] static handle get()
    requires(pool_type::keeps_objects)
  {
    return handle((*Pool).get().detach());
  }
  [[nodiscard]] static handle try_get()
    requires(pool_type::keeps_objects)
  {
    return handle((*Pool).try_get().detach());
  }
  template <class... Args>
  [[nodiscard]] static handle make(Args&&... args)
    requires(!pool_type::keeps_objects)
  {
    return handle((*Pool).make(std::forward<Args>(args)...).detach());
  }
  template <class... Args>
  [[nodiscard]] static handle try_make(Args&&... args)
    requires(!pool_type::keeps_objects)
  {
    return handle((*Pool).try_make(std::forward<Args>(args)...).detach());
  }
};

}  // namespace tarn
