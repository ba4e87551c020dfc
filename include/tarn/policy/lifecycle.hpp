// SPDX-License-Identifier: MIT
//
// Lifecycles of objects in a pool: kept between uses, or built for each use.

#pragma once

#include <concepts>
#include <new>
#include <type_traits>
#include <utility>

#include <tarn/fwd.hpp>
#include <tarn/policy/traits.hpp>

namespace tarn {

/// The default factory: makes a `T()`.
struct construct_default {};

/// The default reset: calls `reset()`, else `clear()`, else assigns `T()`: the first that `T` has.
///
/// A stream is assigned: its `clear()` clears its error flags and not its content.
/// A reset need not give memory back: the pool measures what the object holds afterwards, and
/// replaces an object above `options::keep_capacity_bytes`. It can measure containers, also nested,
/// optionals, pairs, tuples, and aggregates of up to 16 fields without base classes and unions. A
/// class with private members reports its bytes by `std::size_t kept_bytes() const`, or by
/// `capacity()`. If it has `shrink(std::size_t bytes) noexcept`, the pool calls that instead of
/// replacing the object; `shrink` gives back what the object holds above `bytes`.
///
/// If your factory makes something else than `T()`, and `T` has neither `reset()` nor `clear()`,
/// give a `Reset` of your own: this one can't know what the factory makes.
struct reset_object {
  template <class T>
  static constexpr bool resets = requires(T& t) { t.reset(); };
  template <class T>
  static constexpr bool clears = requires(T& t) { t.clear(); } && !requires(T& t) { t.rdbuf(); };

  template <class T>
    requires(resets<T>)
  void operator()(T& t) const noexcept(noexcept(t.reset())) {
    t.reset();
  }
  template <class T>
    requires(!resets<T> && clears<T>)
  void operator()(T& t) const noexcept(noexcept(t.clear())) {
    t.clear();
  }
  template <class T>
    requires(!resets<T> && !clears<T> && std::default_initializable<T> &&
             std::is_move_assignable_v<T>)
  void operator()(T& t) const
      noexcept(std::is_nothrow_default_constructible_v<T> && std::is_nothrow_move_assignable_v<T>) {
    t = T();
  }
};

/// Objects stay constructed while they are idle. `Factory` makes an object if none is idle; `Reset`
/// cleans it on its return. Its inner memory (for example of a vector) is kept, too.
///
/// `Factory`: called without arguments, returns the object by value. `Reset`: called with `T&`.
/// Both may throw and may use any pool. They may run on several threads at the same time. An object
/// whose reset throws, or returns false, is destroyed: so a `Reset` that returns a bool decides at
/// each put whether the object is still good, for example whether a connection is open.
template <class Factory, class Reset>
struct keep_objects {
  static constexpr bool keeps = true;
  static constexpr bool makes_default = std::is_same_v<Factory, construct_default>;
  TARN_NO_UNIQUE_ADDRESS Factory factory{};
  TARN_NO_UNIQUE_ADDRESS Reset resetter{};

  /// Throws: `std::invalid_argument` if the factory or the reset is a null pointer.
  void require_valid() const {
    check_pointer(factory, "factory");
    check_pointer(resetter, "reset");
  }

  template <class T>
  T* make(void* place) const {
    if constexpr (makes_default) {
      static_assert(std::default_initializable<T>,
                    "keep_objects: T has no default constructor: give a factory, or use "
                    "build_objects and make()");
      return ::new (place) T();
    } else {
      static_assert(std::is_invocable_r_v<T, const Factory&>,
                    "keep_objects: the Factory is called without arguments and returns a T");
      return ::new (place) T(factory());
    }
  }
  /// Returns: whether the object may be kept.
  template <class T>
  [[nodiscard]] bool reset(T& object) const
      noexcept(std::is_nothrow_invocable_v<const Reset&, T&>) {
    static_assert(std::is_invocable_v<const Reset&, T&>,
                  "keep_objects: T has no reset() and no clear(), and T() can't be assigned to it: "
                  "give a Reset that is called with a T&, or use build_objects and make()");
    if constexpr (std::is_same_v<std::invoke_result_t<const Reset&, T&>, bool>) {
      return resetter(object);
    } else {
      resetter(object);
      return true;
    }
  }

 private:
  template <class Function>
  static void check_pointer(const Function& function, const char* what) {
    if constexpr (std::is_pointer_v<Function>) {
      if (function == nullptr) detail::throw_invalid(what, 0, "must not be a null pointer");
    }
  }
};

/// Objects are built with the arguments of `make` and destroyed on their return. Idle memory holds
/// no object.
struct build_objects {
  static constexpr bool keeps = false;
  static void require_valid() noexcept {}
};

/// Traits of an object pool: `object_pool<T, Lock, Stats, object_traits<build_objects>>`.
template <class Lifecycle, class Check, class Source>
struct object_traits {
  static_assert(detail::like_lifecycle<Lifecycle>,
                "object_traits: the first argument must be tarn::keep_objects<Factory, Reset> or "
                "tarn::build_objects; then come check policy and source");
  static_assert(detail::right_check<Check>::value && detail::right_source<Source>::value);
  using lifecycle = Lifecycle;
  using check = Check;
  using source = Source;
};

namespace detail {

/// True if a lifecycle needs no argument from the user. keep_objects is tested by its members:
/// clang reports an error for a member initialiser that can't be default constructed.
template <class Lifecycle>
inline constexpr bool needs_nothing = std::default_initializable<Lifecycle>;
template <class Factory, class Reset>
inline constexpr bool needs_nothing<keep_objects<Factory, Reset>> =
    std::default_initializable<Factory> && std::default_initializable<Reset>;

/// A lifecycle for one type.
template <class T, class Lifecycle>
struct bound_lifecycle : Lifecycle {
  T* make(void* place) const { return Lifecycle::template make<T>(place); }
  [[nodiscard]] bool reset(T& object) const
      noexcept(noexcept(std::declval<const Lifecycle&>().reset(object))) {
    return Lifecycle::reset(object);
  }
};
template <class T>
struct bound_lifecycle<T, build_objects> : build_objects {};

/// The traits of a pool of `T`. Checks them first, for a clear error message.
template <class T, class Traits>
struct traits_for {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_array_v<T>,
                "object_pool: T must be an object type, and neither const nor an array");
  static_assert(
      requires {
        { Traits::lifecycle::keeps } -> std::convertible_to<bool>;
        typename Traits::check;
        typename Traits::source;
      },
      "object_pool: the fourth argument must be tarn::object_traits<Lifecycle, Check, Source>, as "
      "in tarn::object_traits<tarn::build_objects>");
  using check = typename Traits::check;
  using source = typename Traits::source;
};

template <class T, class Lock, class Stats, class Traits>
struct object_config : core_config<Lock, Stats, typename traits_for<T, Traits>::check,
                                   typename traits_for<T, Traits>::source> {
  using value = T;
  using lifecycle = bound_lifecycle<T, typename Traits::lifecycle>;
};

}  // namespace detail
}  // namespace tarn
