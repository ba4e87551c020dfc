// SPDX-License-Identifier: MIT
#include "findings.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/observe/advice.hpp>
#include <tarn/value/live_blocks.hpp>

#include "../pipeline/text.hpp"

namespace observatory {
namespace {

using pipeline::json_writer;

constexpr std::int64_t suspicious_seconds = 10;

struct suspect {
  std::string pool;
  tarn::live_site site;
};

std::string place_of(const tarn::call_site& where) {
  if (!where) return "a place that is not known";
  const std::string_view path = where.file_name();
  const auto slash = path.find_last_of('/');
  return std::string(slash == path.npos ? path : path.substr(slash + 1)) + ':' +
         std::to_string(where.line());
}

/// Advice counts each request as the largest of its size class. The pool knows the true sum of the
/// requests of the class, so the estimate is corrected by that sum. Thus waste before and after
/// concerns the same bytes.
void put_right(tarn::tier_advice& advice, const tarn::byte_snapshot& measured) {
  if (measured.requested == 0 || measured.reserved == 0) return;
  const double share =
      static_cast<double>(measured.requested) / static_cast<double>(measured.reserved);
  const auto asked =
      static_cast<std::uint64_t>(static_cast<double>(advice.before.reserved) * share);
  advice.before.requested = asked;
  advice.after.requested = std::min(asked, advice.after.reserved);
}

std::string as_json(const tarn::snapshot& s, std::size_t tiers, const tarn::tier_advice& advice) {
  json_writer sizes('[');
  for (const auto size : advice.sizes)
    sizes.add(nullptr, std::uint64_t{size});
  std::ostringstream definition;
  definition << advice;
  return json_writer('{')
      .add("pool", s.name)
      .add("tiers_used", std::uint64_t{tiers})
      .raw("sizes", sizes.close())
      .add("waste_now", advice.before.waste())
      .add("waste_advised", advice.after.waste())
      .add("definition", definition.str())
      .close();
}

}  // namespace

std::string advice_of(std::span<const tarn::snapshot> seen) {
  json_writer all('[');
  for (const auto& s : seen) {
    std::vector<std::size_t> sizes;
    for (const auto& t : s.tiers)
      sizes.push_back(t.size_bytes);
    const auto used = static_cast<std::size_t>(
        std::count_if(s.tiers.begin(), s.tiers.end(), [](const auto& t) { return t.gets != 0; }));
    // A pool with a single size needs no advice, and a pool of objects can't use it.
    if (sizes.size() == 1 || used == 0 || s.size_histogram.empty()) continue;
    const tarn::runtime_tiers present{std::span<const std::size_t>(sizes)};
    auto advice = tarn::advise(s.size_histogram, used, present);
    put_right(advice, s.bytes());
    all.raw(nullptr, as_json(s, used, advice));
  }
  return all.close();
}

std::string suspects_of(const pools& of) {
  std::vector<suspect> found;
  const auto look = [&](const auto& pool) {
    for (auto& site : pool.live_blocks().sites) {
      if (site.oldest >= tarn::time_span::of_seconds(suspicious_seconds)) {
        found.push_back({std::string(pool.name()), std::move(site)});
      }
    }
  };
  look(of.records.payloads());
  look(of.records.messages());
  look(of.sessions);
  look(of.uploads);
  look(of.answers);
  std::sort(found.begin(), found.end(), [](const suspect& a, const suspect& b) {
    return a.site.estimated_bytes > b.site.estimated_bytes;
  });
  json_writer places('[');
  for (const auto& f : found) {
    places.raw(nullptr, json_writer('{')
                            .add("place", place_of(f.site.where))
                            .add("pool", f.pool)
                            .add("blocks", f.site.estimated_blocks)
                            .add("bytes", f.site.estimated_bytes)
                            .add("oldest_seconds", static_cast<double>(f.site.oldest.count()) / 1e9)
                            .close());
  }
  return json_writer('{')
      .add("older_than_seconds", static_cast<std::uint64_t>(suspicious_seconds))
      .raw("places", places.close())
      .close();
}

}  // namespace observatory
