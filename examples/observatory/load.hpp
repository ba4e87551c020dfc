// SPDX-License-Identifier: MIT
//
// The loads that keep the pools busy.

#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "../pipeline/input.hpp"
#include "pools.hpp"
#include "stop_signal.hpp"

namespace observatory {

/// Three loads that never end: the records of the pipeline, at a pace that rises and falls;
/// uploads, sometimes in a spike; and sessions, whose number rises and falls.
class load {
 public:
  struct numbers {
    std::uint64_t records = 0;  ///< through the pipeline
    std::uint64_t uploads = 0;
    std::uint64_t spikes = 0;
    std::uint64_t sessions = 0;
    bool is_spike = false;  ///< right now
    bool leaks = false;
    std::string failure;  ///< why a load ended; empty while all loads run
  };

  /// Reads the text. Throws: `std::runtime_error` if there is none.
  load(pools& of, const std::string& path, bool leaks);
  load(const load&) = delete;
  load& operator=(const load&) = delete;
  /// Waits for its threads; then all blocks but the leaked ones are back in the pools.
  ~load();

  /// Throws: `std::system_error`.
  void start();
  [[nodiscard]] numbers read() const;

 private:
  void run_records();
  void run_uploads();
  void run_sessions();
  void leak_one();

  pools& pools_;
  pipeline::input input_;
  std::vector<pipeline::part> parts_;
  const bool leaks_;
  std::vector<pools::upload_pool::buffer> leaked_;  // used by the thread of the uploads
  stop_signal stop_;
  // Numbers for display, so relaxed is enough for all accesses.
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> uploads_{0};
  std::atomic<std::uint64_t> spikes_{0};
  std::atomic<std::uint64_t> sessions_{0};
  std::atomic<bool> is_spike_{false};
  mutable std::mutex failure_lock_;
  std::string failure_;  // failure_lock_
  std::vector<std::thread> threads_;
};

}  // namespace observatory
