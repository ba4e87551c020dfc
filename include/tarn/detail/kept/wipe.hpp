// SPDX-License-Identifier: MIT
#pragma once

// Overwriting what an object holds, before it is reset.

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

template <class T>
concept wipes_itself = requires(T& t) {
  { t.wipe() } noexcept;
};
/// A string or vector whose elements are plain bytes.
template <class T>
concept holds_bytes = requires(T& t, std::size_t n) {
  typename T::value_type;
  requires std::is_trivially_copyable_v<typename T::value_type>;
  { t.data() } -> std::same_as<typename T::value_type*>;
  { t.capacity() } -> std::convertible_to<std::size_t>;
  t.resize(n);
  t.clear();
};
/// Whether the memory of an object can be overwritten while the object stays.
template <class T>
inline constexpr bool can_wipe = wipes_itself<T> || holds_bytes<T>;

/// Overwrites all bytes that an object keeps, also those of its unused capacity. A container is
/// empty after it, and keeps its memory. Complexity: O(bytes).
template <class T>
  requires can_wipe<T>
void wipe(T& t) noexcept {
  if constexpr (wipes_itself<T>) {
    t.wipe();
  } else {
    const auto count = t.capacity();
    if (count != 0) {
      t.resize(count);  // no growth: so all of its bytes are elements
      secure_zero(t.data(), count * sizeof(typename T::value_type));
    }
    t.clear();
  }
}

}  // namespace tarn::detail
