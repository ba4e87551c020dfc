// SPDX-License-Identifier: MIT
#pragma once

// Which initialisers an aggregate takes, to find out how many fields it has.

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

// Initialisers that stand for others. Never evaluated.
template <class T>
struct any_field {
  template <class Field>
    requires(!std::same_as<Field, T>)
  operator Field() const noexcept;
};
template <class T>
struct any_reference {
  template <class Field>
    requires(!std::same_as<Field, T>)
  operator Field&() const noexcept;
};
template <class T>
struct any_base {
  template <class Base>
    requires(std::is_base_of_v<Base, T> && !std::same_as<Base, T>)
  operator Base() const noexcept;
};
struct any_union {
  template <class Union>
    requires(std::is_union_v<Union>)
  operator Union() const noexcept;
};

struct stranger {};

inline constexpr std::size_t most_fields = 16;

/// True if `T` can be made of `{}` for each of its first `Count` fields, followed by `Last`.
///
/// Empty braces stand for one field each, also for an array or an aggregate, while any other
/// initialiser may stand for a part of one.
template <class T, std::size_t Count, class... Last>
[[nodiscard]] consteval bool takes() noexcept {
  if constexpr (Count == 0) {
    return requires(Last... last) { T{last...}; };
  } else if constexpr (Count == 1) {
    return requires(Last... last) { T{{}, last...}; };
  } else if constexpr (Count == 2) {
    return requires(Last... last) { T{{}, {}, last...}; };
  } else if constexpr (Count == 3) {
    return requires(Last... last) { T{{}, {}, {}, last...}; };
  } else if constexpr (Count == 4) {
    return requires(Last... last) { T{{}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 5) {
    return requires(Last... last) { T{{}, {}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 6) {
    return requires(Last... last) { T{{}, {}, {}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 7) {
    return requires(Last... last) { T{{}, {}, {}, {}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 8) {
    return requires(Last... last) { T{{}, {}, {}, {}, {}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 9) {
    return requires(Last... last) { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 10) {
    return requires(Last... last) { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 11) {
    return requires(Last... last) { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 12) {
    return requires(Last... last) { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, last...}; };
  } else if constexpr (Count == 13) {
    return requires(Last... last) {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, last...};
    };
  } else if constexpr (Count == 14) {
    return requires(Last... last) {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, last...};
    };
  } else if constexpr (Count == 15) {
    return requires(Last... last) {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, last...};
    };
  } else if constexpr (Count == 16) {
    return requires(Last... last) {
      T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, last...};
    };
  } else {
    return false;
  }
}

}  // namespace tarn::detail
