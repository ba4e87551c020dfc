// SPDX-License-Identifier: MIT
//
// The definition of a record, and the facts that a worker finds out about it.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pipeline {

/// Every file is cut three times, so that small, medium and large records are under way at the same
/// time. Each way of cutting loses no byte and limits the length of a record, so files without line
/// ends work, too.
enum class cut : std::uint8_t { block, paragraph, line };
inline constexpr std::array<std::size_t, 3> longest_of_cut{256 << 10, 16 << 10, 4 << 10};

/// Calls `emit(kind, offset, data, size)` for each record; stops as soon as `emit` returns false.
template <class Emit>
bool cut_up(const std::byte* data, std::size_t size, Emit&& emit) {
  const auto newline_after = [&](std::size_t from, std::size_t end) {
    const void* const found = std::memchr(data + from, '\n', end - from);
    return found == nullptr
               ? end
               : static_cast<std::size_t>(static_cast<const std::byte*>(found) - data) + 1;
  };
  const auto cut_by = [&](cut kind, auto&& end_of) {
    for (std::size_t at = 0; at != size;) {
      const auto most = std::min(longest_of_cut[static_cast<std::size_t>(kind)], size - at);
      const auto end = end_of(at, at + most);
      if (!emit(kind, at, data + at, end - at)) return false;
      at = end;
    }
    return true;
  };
  return cut_by(cut::block, [](std::size_t, std::size_t most) { return most; }) &&
         cut_by(cut::paragraph,
                [&](std::size_t at, std::size_t most) {
                  auto end = newline_after(at, most);
                  while (end != most && data[end] != std::byte{'\n'}) {
                    end = newline_after(end, most);
                  }
                  return end == most ? most : end + 1;  // including the empty line
                }) &&
         cut_by(cut::line, newline_after);
}

/// The facts that a worker finds out about one record.
struct finding {
  std::uint64_t checksum;
  std::uint64_t lines;
};

[[nodiscard]] inline std::uint64_t mixed(std::uint64_t x) noexcept {  // the end of MurmurHash3
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

[[nodiscard]] inline finding examine(cut kind, std::uint64_t offset, const std::byte* data,
                                     std::size_t size) noexcept {
  // FNV by words instead of bytes: this program must not measure mainly the checksum.
  std::uint64_t sum = 0xcbf29ce484222325ULL ^ size;
  std::size_t at = 0;
  for (; size - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, data + at, 8);
    sum = (sum ^ word) * 0x100000001b3ULL;
    sum ^= sum >> 32;
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, data + at, size - at);
  sum = (sum ^ rest) * 0x100000001b3ULL;
  // The position is hashed, too: sums of records do not depend on their order, but files do.
  const auto place = offset * 4 + static_cast<std::uint64_t>(kind);
  return {mixed(sum ^ mixed(place)),
          kind == cut::line && data[size - 1] == std::byte{'\n'} ? 1u : 0u};
}

/// The facts about one file, or a part of one. Sums and a maximum, so that any order gives the
/// same.
struct statistics {
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  std::uint64_t lines = 0;
  std::uint64_t moved = 0;  ///< bytes of all records: every byte of the file three times
  std::uint64_t longest_record = 0;
  std::uint64_t longest_line = 0;
  std::uint64_t checksum = 0;

  void add(cut kind, std::size_t size, const finding& found) noexcept {
    ++records;
    moved += size;
    bytes += kind == cut::block ? size : 0;
    lines += found.lines;
    checksum += found.checksum;
    longest_record = std::max<std::uint64_t>(longest_record, size);
    if (kind == cut::line) longest_line = std::max<std::uint64_t>(longest_line, size);
  }
  statistics& operator+=(const statistics& other) noexcept {
    bytes += other.bytes;
    records += other.records;
    lines += other.lines;
    moved += other.moved;
    checksum += other.checksum;
    longest_record = std::max(longest_record, other.longest_record);
    longest_line = std::max(longest_line, other.longest_line);
    return *this;
  }
  /// The same facts for records that were seen `times` times.
  [[nodiscard]] statistics repeated(std::uint64_t times) const noexcept {
    return {bytes * times,  records * times, lines * times,   moved * times,
            longest_record, longest_line,    checksum * times};
  }
  friend bool operator==(const statistics&, const statistics&) = default;
};

}  // namespace pipeline
