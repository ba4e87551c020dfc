// SPDX-License-Identifier: MIT
//
// Writes the live blocks of a pool by call site for other programs: as JSON, and as folded stacks,
// from which flame graphs are drawn.
//
//   tarn::write_json(std::back_inserter(body), pool.live_blocks());
//   tarn::write_folded(std::back_inserter(body), pool.live_blocks());  // frames;send.cpp:118 40960

#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

#include <tarn/observe/json.hpp>
#include <tarn/observe/text/text_writer.hpp>
#include <tarn/value/live_blocks.hpp>

namespace tarn {

/// Writes one JSON object. `blocks` and `bytes` are the estimates for all live blocks of a call
/// site, `followed_blocks` and `followed_bytes` what was really seen. The file of a place that is
/// not known is `null`.
///
/// Throws: what writing to `out` throws. Complexity: O(sites).
template <std::output_iterator<const char&> Out>
Out write_json(Out out, const leak_report& report) {
  using detail::metric_number;
  detail::json_writer<Out> to(std::move(out));
  to.object([&] {
    to.member("pool", std::string_view(report.pool));
    to.member("in_use", metric_number(report.in_use));
    to.member("followed_blocks", metric_number(report.samples));
    to.member("not_followed_for_lack_of_room", metric_number(report.not_sampled));
    to.key("sites");
    to.array([&] {
      for (const auto& site : report.sites) {
        to.object([&] {
          to.key("file");
          if (site.where) {
            to.value(std::string_view(site.where.file_name()));
          } else {
            to.null();
          }
          to.member("line", metric_number(std::uint64_t{site.where.line()}));
          to.member("blocks", metric_number(site.estimated_blocks));
          to.member("bytes", metric_number(site.estimated_bytes));
          to.member("followed_blocks", metric_number(site.samples));
          to.member("followed_bytes", metric_number(site.bytes));
          to.member("oldest_seconds", metric_number::of_nanoseconds(site.oldest.count()));
        });
      }
    });
  });
  return std::move(to).out();
}

/// Writes a line `pool;file:line bytes` for each call site, with the estimated bytes: folded
/// stacks, as flamegraph.pl, inferno and speedscope read them. Lines of several pools make one
/// graph. Semicolons and control characters in names become `_`.
///
/// Throws: what writing to `out` throws. Complexity: O(sites).
template <std::output_iterator<const char&> Out>
Out write_folded(Out out, const leak_report& report) {
  detail::text_writer<Out> to(std::move(out));
  const auto put_frame = [&to](std::string_view name) {
    for (const char c : name)
      to.put(c == ';' || static_cast<unsigned char>(c) < ' ' ? '_' : c);
  };
  for (const auto& site : report.sites) {
    put_frame(report.pool.empty() ? std::string_view("(unnamed pool)") : report.pool);
    to.put(';');
    if (site.where) {
      put_frame(site.where.file_name());
      to.put(':');
      to.put(site.where.line());
    } else {
      to.put(std::string_view("(place not known)"));
    }
    to.put(' ');
    to.put(site.estimated_bytes);
    to.put('\n');
  }
  return std::move(to).out();
}

}  // namespace tarn
