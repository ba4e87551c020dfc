// SPDX-License-Identifier: MIT
//
// std::format of snapshots, with libraries that have <format>.
//
//   std::print("{}", pool.snapshot());

#pragma once

#include <format>

#include <tarn/observe/print.hpp>
#include <tarn/value/snapshot.hpp>

/// The table of `write_table`; takes no format specification.
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
