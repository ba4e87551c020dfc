// SPDX-License-Identifier: MIT
//
// The entry that the second sink writes for each record, and the sums that can be read out of it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "records.hpp"

namespace pipeline {

/// The facts that the archive has about one part of a file; sums, so that any order gives the same.
struct archive {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
  std::uint64_t places = 0;

  /// The expected values for records that were seen `times` times.
  [[nodiscard]] archive repeated(std::uint64_t times) const noexcept {
    return {records * times, bytes * times, checksum * times, places * times};
  }
  void add(std::uint64_t place, std::uint64_t size, std::uint64_t sum) noexcept {
    ++records;
    bytes += size;
    checksum += sum;
    places += mixed(place);
  }
  friend bool operator==(const archive&, const archive&) = default;
};

/// Reads entries of part, offset and size as varints and a big-endian checksum.
///
/// Throws: `std::runtime_error` if the bytes are no valid entries.
inline void read_back(std::span<const std::byte> bytes, std::vector<archive>& into) {
  std::size_t at = 0;
  const auto next = [&] {
    if (at == bytes.size()) throw std::runtime_error("the archive ends within an entry");
    return static_cast<std::uint64_t>(bytes[at++]);
  };
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = next();
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw std::runtime_error("the archive has a number of more than 64 bits");
  };
  while (at != bytes.size()) {
    const auto part = varint();
    const auto offset = varint();
    const auto size = varint();
    std::uint64_t sum = 0;
    for (int i = 0; i != 8; ++i)
      sum = sum << 8 | next();
    if (part >= into.size()) throw std::runtime_error("the archive has a part that is none");
    into[part].add(offset, size, sum);
  }
}

}  // namespace pipeline
