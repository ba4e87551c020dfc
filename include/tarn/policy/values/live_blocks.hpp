// SPDX-License-Identifier: MIT
//
// Who holds blocks of a pool, as plain values. observe/leaks.hpp prints them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <tarn/detail/samples/sample.hpp>
#include <tarn/policy/time_span.hpp>

namespace tarn {

/// What one place in the program holds.
struct live_site {
  call_site where;
  std::uint64_t samples = 0;   ///< blocks that were followed and are out
  std::uint64_t bytes = 0;     ///< that were asked for in these
  std::uint64_t weight = 0;    ///< estimate of all blocks of this place that are out
  std::uint64_t weighted = 0;  ///< estimate of the bytes asked for in those
  time_span oldest{};          ///< how long the oldest of the samples has been out
};

/// Who holds blocks of a pool, most bytes first: those gets that a recording stats policy followed.
struct leak_report {
  std::string pool;
  std::vector<live_site> sites;
  std::uint64_t samples = 0;      ///< of all sites
  std::uint64_t in_use = 0;       ///< blocks that are out, followed or not
  std::uint64_t not_sampled = 0;  ///< gets ever that were to be followed, but found no place
  std::uint64_t next_id = 0;      ///< for `live_blocks(since)`: those that come later

  [[nodiscard]] bool empty() const noexcept { return samples == 0; }

  /// Adds a block that is out.
  void add(const detail::sample& s, std::int64_t now) {
    live_site& site = site_of(s.where);
    const auto age = time_span::of_nanoseconds(now < s.since ? 0 : now - s.since);
    ++samples;
    ++site.samples;
    site.bytes += s.size;
    site.weight += s.weight;
    site.weighted += s.weight * s.size;
    if (site.oldest.count() < age.count()) site.oldest = age;
  }
  /// Brings the sites into order.
  void sort() {
    // By insertion: they are few, and <algorithm> is a third of a megabyte of text.
    for (std::size_t i = 1; i < sites.size(); ++i) {
      for (std::size_t k = i; k != 0 && sites[k - 1].weighted < sites[k].weighted; --k) {
        const live_site larger = sites[k];
        sites[k] = sites[k - 1];
        sites[k - 1] = larger;
      }
    }
  }

 private:
  [[nodiscard]] live_site& site_of(const call_site& where) {
    for (auto& s : sites) {
      if (s.where == where) return s;
    }
    sites.emplace_back().where = where;
    return sites.back();
  }
};

}  // namespace tarn
