// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// A span of time in nanoseconds, made from any `std::chrono::duration`.
///
/// It replaces `std::chrono::nanoseconds`, so that a pool does not include <chrono>. Longer spans
/// are cut to its maximum, 292 years, so `hours::max()` means for ever.
class time_span {
 public:
  constexpr time_span() noexcept = default;

  template <class Duration>
    requires requires(const Duration& d) {
      { d.count() } -> std::convertible_to<double>;
      Duration::period::num;
    }
  constexpr time_span(const Duration& d) noexcept  // implicit: the same quantity
      : nanoseconds_(in_nanoseconds(d)) {}

  [[nodiscard]] static constexpr time_span of_nanoseconds(std::int64_t n) noexcept {
    time_span made;
    made.nanoseconds_ = n;
    return made;
  }
  [[nodiscard]] static constexpr time_span of_seconds(std::int64_t n) noexcept {
    constexpr std::int64_t second = 1'000'000'000;
    if (n > INT64_MAX / second) return of_nanoseconds(INT64_MAX);
    if (n < INT64_MIN / second) return of_nanoseconds(INT64_MIN);
    return of_nanoseconds(n * second);
  }

  /// The number of nanoseconds.
  [[nodiscard]] constexpr std::int64_t count() const noexcept { return nanoseconds_; }

  friend constexpr auto operator<=>(const time_span&, const time_span&) noexcept = default;

 private:
  template <class Duration>
  [[nodiscard]] static constexpr std::int64_t in_nanoseconds(const Duration& d) noexcept {
    using period = typename Duration::period;
    // In the units of the duration, rounded: the last tenth of a millisecond is too long.
    constexpr double most = 9223372036.8547 * period::den / period::num;
    const auto count = static_cast<double>(d.count());
    if (!(count < most)) return INT64_MAX;
    if (count < -most) return INT64_MIN;
    if constexpr (std::integral<typename Duration::rep> &&
                  period::num * 1'000'000'000 % period::den == 0) {
      return static_cast<std::int64_t>(d.count()) * (period::num * 1'000'000'000 / period::den);
    } else {
      return static_cast<std::int64_t>(count * 1e9 * period::num / period::den);
    }
  }

  std::int64_t nanoseconds_ = 0;
};

}  // namespace tarn
