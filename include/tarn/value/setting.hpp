// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// An option that may be absent. Absent by default.
///
/// It replaces `std::optional`, so that a pool does not include <optional> (42 KB of text). It
/// converts implicitly from one.
template <class T>
class setting {
 public:
  constexpr setting() noexcept = default;
  template <std::convertible_to<T> From>
  constexpr setting(From value) noexcept : value_(static_cast<T>(value)), has_value_(true) {}
  template <class Optional>
    requires requires(const Optional& o) {
      { *o } -> std::convertible_to<T>;
      { o.has_value() } -> std::same_as<bool>;
    }
  constexpr setting(const Optional& o) noexcept : has_value_(o.has_value()) {
    if (has_value_) value_ = *o;
  }

  /// Makes the option absent.
  constexpr void reset() noexcept { *this = setting(); }

  [[nodiscard]] constexpr bool has_value() const noexcept { return has_value_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return has_value_; }
  /// Preconditions: it has a value.
  [[nodiscard]] constexpr const T& operator*() const noexcept { return value_; }
  [[nodiscard]] constexpr const T* operator->() const noexcept { return &value_; }
  [[nodiscard]] constexpr T value_or(T other) const noexcept { return has_value_ ? value_ : other; }

  friend constexpr bool operator==(const setting&, const setting&) noexcept = default;

 private:
  T value_{};
  bool has_value_ = false;
};

}  // namespace tarn
