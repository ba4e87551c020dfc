// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/kept/fields.hpp>

namespace tarn::detail {

template <class T>
concept tells_kept_bytes = requires(const T& t) {
  { t.kept_bytes() } -> std::convertible_to<std::size_t>;
};
template <class T>
concept has_capacity = requires(const T& t) {
  { t.capacity() } -> std::convertible_to<std::size_t>;
};
template <class T>
concept has_buckets = requires(const T& t) {
  { t.bucket_count() } -> std::convertible_to<std::size_t>;
};
/// A container. It owns its elements, unlike a view.
template <class T>
concept owns_elements = requires(const T& t) {
  typename T::allocator_type;
  typename T::value_type;
  t.begin() != t.end();
  { t.size() } -> std::convertible_to<std::size_t>;
};
template <class T>
concept is_array_like = std::is_array_v<T> || (is_tuple_like<T> && requires(const T& t) {
                          t.begin() != t.end();
                          t[0];
                        });
template <class T>
concept may_hold_one = requires(const T& t) {
  { t.has_value() } -> std::same_as<bool>;
  *t;
};

/// A container with `reserve`.
template <class T>
concept reserves = requires(T& t, std::size_t capacity) { t.reserve(capacity); };

/// True if `kept_bytes` can tell how much memory a `T` holds, even if that is 0.
template <class T>
[[nodiscard]] consteval bool is_measurable() noexcept {
  if constexpr (tells_kept_bytes<T> || has_capacity<T> || has_buckets<T> || owns_elements<T>) {
    return true;
  } else if constexpr (is_array_like<T>) {
    return is_measurable<std::remove_cvref_t<decltype(std::declval<const T&>()[0])>>();
  } else if constexpr (may_hold_one<T>) {
    return is_measurable<std::remove_cvref_t<decltype(*std::declval<const T&>())>>();
  } else if constexpr (!std::is_trivially_destructible_v<T>) {
    if constexpr (field_count<T>() == 0) {
      return false;
    } else {
      return decltype(with_fields(std::declval<const T&>(), []<class... Field>(const Field&...) {
        return std::bool_constant<(is_measurable<Field>() || ...)>();
      }))::value;
    }
  } else {
    return false;
  }
}

template <class T>
[[nodiscard]] std::size_t kept_bytes(const T& t) noexcept;

/// The sum of the bytes that the elements hold.
template <class Range>
[[nodiscard]] std::size_t kept_in_elements(const Range& range) noexcept {
  std::size_t sum = 0;
  for (const auto& element : range)
    sum += kept_bytes(element);
  return sum;
}

/// Bytes that an object holds, used or not: what its own `kept_bytes()` returns, the capacity of a
/// container and what its elements hold, or the sum over the fields of an aggregate. 0 for types
/// that are not measurable. Complexity: O(elements that hold memory).
template <class T>
[[nodiscard]] std::size_t kept_bytes(const T& t) noexcept {
  if constexpr (!is_measurable<T>()) {
    return 0;
  } else if constexpr (tells_kept_bytes<T>) {
    return t.kept_bytes();
  } else if constexpr (is_array_like<T>) {
    return kept_in_elements(t);
  } else if constexpr (has_capacity<T> || has_buckets<T> || owns_elements<T>) {
    std::size_t sum = 0;
    if constexpr (has_buckets<T>) sum = cast_to<std::size_t>(t.bucket_count()) * sizeof(void*);
    if constexpr (has_capacity<T> && !requires { typename T::value_type; }) {
      sum += cast_to<std::size_t>(t.capacity());  // its unit is not known: bytes
    } else if constexpr (has_capacity<T>) {
      sum += cast_to<std::size_t>(t.capacity()) * sizeof(typename T::value_type);
    } else if constexpr (owns_elements<T>) {
      sum += cast_to<std::size_t>(t.size()) * sizeof(typename T::value_type);
    }
    if constexpr (owns_elements<T>) {
      if constexpr (is_measurable<typename T::value_type>()) sum += kept_in_elements(t);
    }
    return sum;
  } else if constexpr (may_hold_one<T>) {
    return t.has_value() ? kept_bytes(*t) : 0;
  } else {
    return with_fields(t, [](const auto&... field) { return (kept_bytes(field) + ...); });
  }
}

}  // namespace tarn::detail
