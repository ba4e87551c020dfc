// SPDX-License-Identifier: MIT
#pragma once

// Error messages for a bad tier table, check policy or source: one sentence that says what to do.

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <tarn/policy/mistakes.hpp>

namespace tarn::detail {

template <class T>
struct right_tiers {
  static_assert(!like_check<T> && !like_source<T>,
                "something else stands in the place of the tier table: traits<Tiers, Check, "
                "Source>, in this order");
  static_assert(defined<T>,
                "the tier table is only declared here: include its header, "
                "<tarn/policy/runtime_tiers.hpp> for tarn::runtime_tiers");
  static_assert(!defined<T> || like_tiers<T>,
                "the tier table must be one of policy/tiers.hpp, as tarn::fixed_tiers<100, 1000>, "
                "or a type of your own with count(), size_of(i) and tier_for(n)");
  static_assert(
      !like_tiers<T> ||
          requires(const T& tiers, std::size_t n) {
            { tiers.count() } -> std::same_as<std::size_t>;
            { tiers.size_of(n) } -> std::same_as<std::size_t>;
            { tiers.tier_for(n) } -> std::same_as<std::size_t>;
          },
      "the tier table needs count(), size_of(std::size_t) and tier_for(std::size_t), const, which "
      "return a std::size_t");
  static_assert(
      !like_tiers<T> || requires(const T& tiers, std::size_t n) {
        requires noexcept(tiers.count());
        requires noexcept(tiers.size_of(n));
        requires noexcept(tiers.tier_for(n));
      }, "count(), size_of() and tier_for() of the tier table must be noexcept");
  static_assert(
      !like_tiers<T> || requires { typename std::bool_constant<T::is_static>; },
      "the tier table needs a static constexpr bool is_static: true if all its values are the "
      "same table");
  static_assert(!like_tiers<T> || std::is_copy_constructible_v<T>,
                "the tier table must be copyable");
  static constexpr bool value = true;
};

template <class C>
struct right_check {
  static_assert(!like_tiers<C> && !like_source<C>,
                "something else stands in the place of the check policy: traits<Tiers, Check, "
                "Source>, in this order");
  static_assert(defined<C>,
                "the check policy is only declared here: include its header, "
                "<tarn/policy/check_parts.hpp> for tarn::checked_with");
  static_assert(
      !defined<C> || requires {
        { C::enabled } -> std::convertible_to<bool>;
      }, "the check policy must be tarn::no_check, tarn::checked or tarn::checked_with<Parts...>");
  static constexpr bool value = true;
};

template <class S>
struct right_source {
  static_assert(!like_tiers<S> && !like_check<S>,
                "something else stands in the place of the source: it is the third argument of "
                "the traits, after the check policy");
  static_assert(
      requires(S& source, std::size_t n) {
        { source.allocate(n, n) } -> std::same_as<void*>;
      }, "the source needs void* allocate(std::size_t bytes, std::size_t alignment)");
  static_assert(
      requires(S& source, void* p, std::size_t n) { source.deallocate(p, n, n); },
      "the source needs deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept");
  static_assert(
      !requires(S& source, void* p, std::size_t n) { source.deallocate(p, n, n); } ||
          requires(S& source, void* p, std::size_t n) {
            requires noexcept(source.deallocate(p, n, n));
          },
      "deallocate() of the source must be noexcept: giving memory back can't fail");
  static_assert(std::is_move_constructible_v<S>,
                "the source must be movable, because a pool keeps it by value: for one that stays "
                "where it is, take tarn::source_ref<Source>");
  static constexpr bool value = true;
};

}  // namespace tarn::detail
