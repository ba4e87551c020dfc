// SPDX-License-Identifier: MIT
//
// Formats snapshots with std::format, if the library has <format>.
//
//   std::print("{}", pool.snapshot());

#pragma once

#include <format>

#include <tarn/observe/print.hpp>
#include <tarn/value/snapshot.hpp>

/// Formats the table of `write_table`. Takes no format specification.
template <>
struct std::formatter<tarn::snapshot> {
  template <class Context>
  constexpr auto parse(Context& context) {
    const auto at = context.begin();
    if (at != context.end() && *at != '}') {
      throw std::format_error("tarn: a snapshot takes no format specification");
    }
    return at;
  }
  template <class Context>
  auto format(const tarn::snapshot& s, Context& context) const {
    return tarn::write_table(context.out(), s);
  }
};
