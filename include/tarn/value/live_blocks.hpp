// SPDX-License-Identifier: MIT
//
// The live blocks of a pool by call site, as plain values. observe/leaks.hpp prints them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/samples/sample.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// The live blocks of one call site.
struct live_site {
  call_site where;
  std::uint64_t samples = 0;           ///< live blocks that were followed
  std::uint64_t bytes = 0;             ///< requested bytes of the samples
  std::uint64_t estimated_blocks = 0;  ///< estimate of all live blocks of this site
  std::uint64_t estimated_bytes = 0;   ///< estimate of their requested bytes
  time_span oldest{};                  ///< age of the oldest sample

  /// Adds a live block. `now`: the moment of the report, in nanoseconds.
  void add(const detail::sample& s, std::int64_t now) noexcept {
    const auto age = time_span::of_nanoseconds(now < s.since ? 0 : now - s.since);
    ++samples;
    bytes += s.size;
    estimated_blocks += s.weight;
    estimated_bytes += s.weight * s.size;
    if (oldest.count() < age.count()) oldest = age;
  }
};

/// The live blocks of a pool that a recording stats policy followed, by call site, most bytes
/// first.
struct leak_report {
  std::string pool;
  std::vector<live_site> sites;
  std::uint64_t samples = 0;      ///< of all sites
  std::uint64_t in_use = 0;       ///< live blocks, followed or not
  std::uint64_t not_sampled = 0;  ///< gets since the begin that were chosen, but found no free slot
  std::uint64_t next_id = 0;      ///< for `live_blocks(since)`: id of the next followed get

  [[nodiscard]] bool empty() const noexcept { return samples == 0; }

  /// Adds a live block.
  void add(const detail::sample& s, std::int64_t now) {
    ++samples;
    site_of(s.where).add(s, now);
  }
  /// Sorts the sites. Complexity: O(n log n).
  void sort() {
    // A stable merge sort: <algorithm> is a third of a megabyte of text.
    std::vector<live_site> from(sites.size());
    for (std::size_t width = 1; width < sites.size(); width *= 2) {
      from.swap(sites);
      for (std::size_t begin = 0; begin < from.size(); begin += 2 * width) {
        const auto middle = detail::min_of(begin + width, from.size());
        const auto end = detail::min_of(begin + 2 * width, from.size());
        auto left = begin;
        auto right = middle;
        for (auto to = begin; to != end; ++to) {
          const bool takes_right =
              left == middle ||
              (right != end && from[left].estimated_bytes < from[right].estimated_bytes);
          sites[to] = from[takes_right ? right++ : left++];
        }
      }
    }
    places_.clear();
  }

 private:
  /// The entry of a call site, by a hash table of indices that is at most half full.
  [[nodiscard]] live_site& site_of(const call_site& where) {
    if (places_.size() <= 2 * sites.size()) make_places();
    auto& place = place_of(where);
    if (place == nowhere) {
      sites.emplace_back().where = where;
      place = static_cast<std::uint32_t>(sites.size() - 1);
    }
    return sites[place];
  }
  void make_places() {
    std::size_t count = 16;
    while (count < 4 * sites.size())
      count *= 2;
    places_.assign(count, nowhere);
    for (std::size_t i = 0; i != sites.size(); ++i)
      place_of(sites[i].where) = static_cast<std::uint32_t>(i);
  }
  [[nodiscard]] std::uint32_t& place_of(const call_site& where) noexcept {
    std::uint64_t hash = where.line();
    for (const char* c = where.file_name(); *c != 0; ++c)
      hash = (hash ^ static_cast<unsigned char>(*c)) * 0x100000001b3u;  // FNV-1a
    auto at = detail::cast_to<std::size_t>(hash ^ (hash >> 32)) & (places_.size() - 1);
    while (places_[at] != nowhere && !(sites[places_[at]].where == where))
      at = (at + 1) & (places_.size() - 1);
    return places_[at];
  }

  static constexpr std::uint32_t nowhere = ~std::uint32_t{0};
  std::vector<std::uint32_t> places_;
};

}  // namespace tarn
