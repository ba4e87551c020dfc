// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// A number that belongs to data beside it: a move leaves zero behind. With it, the moves of a
/// class that holds such a number beside a container need not be written by hand.
template <class T>
struct zero_when_moved {
  T value{};

  constexpr zero_when_moved() noexcept = default;
  constexpr zero_when_moved(const zero_when_moved&) noexcept = default;
  constexpr zero_when_moved& operator=(const zero_when_moved&) noexcept = default;
  constexpr zero_when_moved(zero_when_moved&& other) noexcept
      : value(std::exchange(other.value, T())) {}
  constexpr zero_when_moved& operator=(zero_when_moved&& other) noexcept {
    value = std::exchange(other.value, T());
    return *this;
  }
};

}  // namespace tarn::detail
