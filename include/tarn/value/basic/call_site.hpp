// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// A place in a program, as a `std::source_location`, which some compilers lack. It converts
/// implicitly from one. It has file and line only: two words, which pass through calls in
/// registers.
class call_site {
 public:
  /// An unknown place.
  constexpr call_site() noexcept = default;

  template <class Where>
    requires requires(const Where& w) {
      w.file_name();
      w.line();
    }
  constexpr call_site(const Where& where) noexcept
      : file_(where.file_name()), line_(static_cast<std::uint32_t>(where.line())) {}
  /// Preconditions: the name lives as long as the program.
  constexpr call_site(const char* file, std::uint32_t line) noexcept : file_(file), line_(line) {}

  /// Returns: the place of the call. As a default argument, it is the place of the outer call.
  [[nodiscard]] static constexpr call_site current(const char* file = __builtin_FILE(),
                                                   std::uint32_t line = __builtin_LINE()) noexcept {
    return {file, line};
  }

  /// The name of the file; empty, with line 0, if the place is unknown.
  [[nodiscard]] constexpr const char* file_name() const noexcept { return file_; }
  [[nodiscard]] constexpr std::uint32_t line() const noexcept { return line_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return line_ != 0; }

  /// Compares texts: each file that includes a header has its own copy of the header's name.
  [[nodiscard]] friend constexpr bool operator==(const call_site& a, const call_site& b) noexcept {
    return a.line_ == b.line_ && same(a.file_, b.file_);
  }

 private:
  [[nodiscard]] static constexpr bool same(const char* a, const char* b) noexcept {
    while (*a != 0 && *a == *b)
      ++a, ++b;
    return *a == *b;
  }

  const char* file_ = "";
  std::uint32_t line_ = 0;
};

/// A call site that is not used: an empty type, so that it costs nothing to pass.
struct no_call_site {
  constexpr no_call_site() noexcept = default;
  template <class Where>
    requires requires(const Where& w) { w.file_name(); }
  constexpr no_call_site(const Where&) noexcept {}
  /// An unknown place.
  constexpr operator call_site() const noexcept { return {}; }
  [[nodiscard]] static constexpr no_call_site current() noexcept { return {}; }
};

}  // namespace tarn
