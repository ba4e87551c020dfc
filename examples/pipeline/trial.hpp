// SPDX-License-Identifier: MIT
//
// Compares pooled against plain, alternating, over all files; and holds the results.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "input.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "records.hpp"
#include "subject.hpp"

namespace pipeline {

/// Minimum of records per slice and round on either side: small inputs are used repeatedly.
inline constexpr std::uint64_t least_records = 1'000'000;

struct round_times {
  double pooled_seconds = 0;
  double plain_seconds = 0;
  double pooled_cpu_seconds = 0;
  double plain_cpu_seconds = 0;
  /// The speed of the pool relative to plain new.
  [[nodiscard]] double ratio() const noexcept { return plain_seconds / pooled_seconds; }
};

/// The requests of the program to one tier.
struct demand {
  std::uint64_t gets = 0;
  std::uint64_t bytes = 0;
};

struct memory_use {
  std::size_t peak_bytes = 0;            ///< most bytes that the pool held of the heap
  std::size_t retained_bytes = 0;        ///< bytes that it held after the last round
  std::size_t trimmed_bytes = 0;         ///< bytes that it gave back in the trim
  std::optional<std::size_t> rss_bytes;  ///< of the whole process, if the system reports it
  std::optional<std::size_t> peak_rss_bytes;
};

struct trial_result {
  std::vector<statistics> files;  ///< by the index of input::files
  statistics total;               ///< its checksum depends on the names of the files, too
  std::size_t slices = 0;
  std::uint64_t records = 0;  ///< of one round of either side
  std::uint64_t moved = 0;    ///< their bytes
  std::vector<round_times> rounds;
  std::uint64_t pooled_records = 0;
  std::uint64_t on_another_thread = 0;
  std::uint64_t encoded_bytes = 0;     ///< by the second sink, on either side
  std::uint64_t heap_calls = 0;        ///< of the pooled side in its last round, all slices
  std::uint64_t plain_heap_calls = 0;  ///< likewise
  std::array<demand, tiers::count()> demands;
  pooled_subject::numbers pool;  ///< after the last round, before trimming
  memory_use memory;
  std::uint64_t unaccounted = 0;      ///< blocks that are out although all records are gone
  std::uint64_t lost_messages = 0;    ///< likewise
  std::vector<std::string> problems;  ///< empty: no problem
};

[[nodiscard]] trial_result compare(input& in, const options& o, progress& show);

}  // namespace pipeline
