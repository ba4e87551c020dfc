// SPDX-License-Identifier: MIT
//
// Formats snapshots with {fmt}.
//
//   fmt::print("{}", pool.snapshot());

#pragma once

#include <fmt/format.h>

#include <tarn/observe/print.hpp>
#include <tarn/value/snapshot.hpp>

/// Formats the table of `write_table`. Takes no format specification.
template <>
struct fmt::formatter<tarn::snapshot> {
  template <class Context>
  constexpr auto parse(Context& context) {
    const auto at = context.begin();
    if (at != context.end() && *at != '}') {
      throw fmt::format_error("tarn: a snapshot takes no format specification");
    }
    return at;
  }
  template <class Context>
  auto format(const tarn::snapshot& s, Context& context) const {
    return tarn::write_table(context.out(), s);
  }
};
