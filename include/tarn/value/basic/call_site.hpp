// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// A place in a program: what `std::source_location` is, which not every compiler has. It is made
/// of one implicitly. File and line only: two words, which pass through calls in registers.
class call_site {
 public:
  /// No place that is known.
  constexpr call_site() noexcept = default;

  template <class Where>
    requires requires(const Where& w) {
      w.file_name();
      w.line();
    }
  constexpr call_site(const Where& where) noexcept
      : file_(where.file_name()), line_(static_cast<std::uint32_t>(where.line())) {}
  /// The name must live as long as the program.
  constexpr call_site(const char* file, std::uint32_t line) noexcept : file_(file), line_(line) {}

  /// Returns: the place of the call; as a default argument, that of the call which has it.
  [[nodiscard]] static constexpr call_site current(const char* file = __builtin_FILE(),
                                                   std::uint32_t line = __builtin_LINE()) noexcept {
    return {file, line};
  }

  /// An empty name and 0 if it is not known.
  [[nodiscard]] constexpr const char* file_name() const noexcept { return file_; }
  [[nodiscard]] constexpr std::uint32_t line() const noexcept { return line_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return line_ != 0; }

  /// Compares texts: a header has a name of its own in each file that includes it.
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

/// The place of a call that nobody asks for: an empty type, so that it costs nothing to pass.
struct no_call_site {
  constexpr no_call_site() noexcept = default;
  template <class Where>
    requires requires(const Where& w) { w.file_name(); }
  constexpr no_call_site(const Where&) noexcept {}
  [[nodiscard]] static constexpr no_call_site current() noexcept { return {}; }
};

}  // namespace tarn
