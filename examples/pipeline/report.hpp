// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "input.hpp"
#include "judgement.hpp"
#include "options.hpp"
#include "trial.hpp"

namespace pipeline {

/// The numbers that both forms of the report need.
struct figures {
  explicit figures(const trial_result& made);

  double pooled_seconds = 0;  ///< medians of a round
  double plain_seconds = 0;
  double pooled_cpu_ns = 0;  ///< per record, medians
  double plain_cpu_ns = 0;
  std::vector<double> ratios;  ///< by round
  judgement speed = judgement::same;
  double median_ratio = 0;
  double least_ratio = 0;
  double most_ratio = 0;
  double hit_percent = 0;      ///< only if the pool counts
  double waste_percent = 0;    ///< of the bytes handed out: those that were not requested
  double another_percent = 0;  ///< of the blocks, returned on another thread
  double heap_calls = 0;       ///< per record, of the pooled side in the last round
  double plain_heap_calls = 0;
};

[[nodiscard]] std::string as_text(const options& o, const input& in, const trial_result& made);
[[nodiscard]] std::string as_json(const options& o, const input& in, const trial_result& made);

/// Names the files that could not be read, on the standard error stream: the first few, and the
/// number of the others.
void name_skipped(const std::vector<skipped_file>& skipped);

}  // namespace pipeline
