// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <tarn/detail/kept/takes.hpp>

namespace tarn::detail {

// The number of fields of an aggregate whose first `Count` fields are initialised by `{}`; 0 if it
// is not certain.
template <class T, std::size_t Count>
[[nodiscard]] consteval std::size_t fields_from() noexcept {
  // A field that takes any type is no union.
  if constexpr (takes<T, Count, any_union>() && !takes<T, Count, stranger>()) {
    return 0;
  } else if constexpr (Count < most_fields && takes<T, Count + 1>()) {
    return fields_from<T, Count + 1>();
  } else {
    // There are no more fields, or the next one is not initialised by `{}`.
    return takes<T, Count, any_field<T>>() || takes<T, Count, any_reference<T>>() ? 0 : Count;
  }
}

template <class T>
concept is_tuple_like = requires { std::tuple_size<T>::value; };

/// How many fields an aggregate or a tuple has; 0 for any other type, for too many fields, and if
/// the fields can't be accessed.
///
/// A structured binding must name as many fields as there are, and no compiler tells their number.
/// A wrong number would be an error in a correct program. So the result is 0 where there is a
/// doubt: with a base class, a union, or a field that is not initialised by `{}`.
template <class T>
[[nodiscard]] consteval std::size_t field_count() noexcept {
  if constexpr (is_tuple_like<T>) {
    return std::tuple_size<T>::value <= most_fields ? std::tuple_size<T>::value : 0;
  } else if constexpr (std::is_aggregate_v<T> && std::is_class_v<T>) {
    if constexpr (takes<T, 0, any_base<T>>()) {
      return 0;
    } else {
      return fields_from<T, 0>();
    }
  } else {
    return 0;
  }
}

/// Calls `call` with all fields of `whole`. Preconditions: `field_count<T>()` is not 0.
template <class T, class Function>
constexpr decltype(auto) with_fields(const T& whole, Function call) {
  constexpr auto count = field_count<T>();
  if constexpr (count == 1) {
    const auto& [a] = whole;
    return call(a);
  } else if constexpr (count == 2) {
    const auto& [a, b] = whole;
    return call(a, b);
  } else if constexpr (count == 3) {
    const auto& [a, b, c] = whole;
    return call(a, b, c);
  } else if constexpr (count == 4) {
    const auto& [a, b, c, d] = whole;
    return call(a, b, c, d);
  } else if constexpr (count == 5) {
    const auto& [a, b, c, d, e] = whole;
    return call(a, b, c, d, e);
  } else if constexpr (count == 6) {
    const auto& [a, b, c, d, e, f] = whole;
    return call(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    const auto& [a, b, c, d, e, f, g] = whole;
    return call(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    const auto& [a, b, c, d, e, f, g, h] = whole;
    return call(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    const auto& [a, b, c, d, e, f, g, h, i] = whole;
    return call(a, b, c, d, e, f, g, h, i);
  } else if constexpr (count == 10) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = whole;
    return call(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (count == 11) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k] = whole;
    return call(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (count == 12) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l] = whole;
    return call(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (count == 13) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = whole;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (count == 14) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = whole;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (count == 15) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = whole;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (count == 16) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = whole;
    return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  }
}

}  // namespace tarn::detail
