// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include <tarn/fast_buffer.hpp>
#include <tarn/observe/detail/ticker.hpp>
#include <tarn/value/ring_queue.hpp>
#include <tarn/value/snapshot.hpp>

#include "caretaker.hpp"
#include "load.hpp"
#include "pools.hpp"

namespace observatory {

/// The answer, written into memory of the pools that it describes.
using answer_writer = tarn::basic_fast_buffer<tarn::no_lock, tarn::counting_stats,
                                              tarn::fast_buffer_traits<pools::answer_pool>>;
using answer_bytes = pools::answer_pool::shared_buffer;

/// Maintains the pools once a second, and keeps the data of the page ready: the pools are read
/// once, however many viewers the page has.
///
/// Thread safety: `state` from any thread.
class observer {
 public:
  static constexpr auto interval = tarn::time_span::of_seconds(1);
  static constexpr std::size_t history_length = 120;

  /// `pressure`: as the caretaker's.
  observer(pools& of, const load& l, std::optional<unsigned> seconds, const std::string& pressure);
  /// As JSON.
  [[nodiscard]] answer_bytes state() const;

 private:
  /// The data that is kept of one look: sums of all pools, and two numbers for each.
  struct sample {
    std::int64_t time = 0;
    std::uint64_t gets = 0;
    std::uint64_t misses = 0;
    std::uint64_t given_back = 0;  ///< bytes, by pools to their sources and by purges
    std::array<std::uint64_t, pools::count> used{};
    std::array<std::uint64_t, pools::count> retained{};
  };

  void look(tarn::time_span now);
  void remember(tarn::time_span now, std::span<const tarn::snapshot> seen);
  [[nodiscard]] std::string history() const;
  [[nodiscard]] answer_bytes render(tarn::time_span now, std::span<const tarn::snapshot> seen);

  pools& pools_;
  const load& load_;
  caretaker caretaker_;
  std::optional<unsigned> seconds_;
  tarn::time_span began_;
  tarn::ring_queue<sample> history_{history_length};
  mutable std::mutex lock_;
  answer_bytes state_;   // protected by lock_
  tarn::ticker ticker_;  // last member: its thread uses the others
};

}  // namespace observatory
