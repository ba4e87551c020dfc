// SPDX-License-Identifier: MIT
//
// The two ways of allocating that the program compares, behind one interface.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <tarn/value/snapshot.hpp>

#include "run.hpp"
#include "tiers.hpp"

namespace pipeline {

/// A way to allocate the bytes of records; it lives through all rounds.
class subject {
 public:
  virtual ~subject() = default;
  [[nodiscard]] virtual result run(const work& job, const observer& watch) = 0;
};

/// The numbers that the program asks of the pools.
class pooled_subject : public subject {
 public:
  struct numbers {
    tarn::snapshot pool;  ///< of payloads; gets, puts and misses are 0 if it does not count
    std::uint64_t message_gets = 0;  ///< likewise
    std::uint64_t messages_in_use = 0;
    bool counts = false;
  };
  [[nodiscard]] virtual numbers read() const = 0;
  [[nodiscard]] virtual std::size_t held_bytes() const = 0;
  /// Gives idle memory back. Returns: the number of bytes.
  virtual std::size_t trim() = 0;
};

[[nodiscard]] std::unique_ptr<subject> make_plain();

/// `lock` and `stats` as in options.hpp.
[[nodiscard]] std::unique_ptr<pooled_subject> make_pooled(std::size_t lock, std::size_t stats);

}  // namespace pipeline
