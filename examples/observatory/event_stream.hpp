// SPDX-License-Identifier: MIT
//
// Events on their way to many readers.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include <tarn/value/event.hpp>

namespace observatory {

/// The last events, as server-sent events, for readers that each go at their own pace: one that is
/// too slow misses the oldest.
///
/// Thread safety: any thread may call anything.
class event_stream {
 public:
  static constexpr std::size_t kept = 100;

  void add(const tarn::event& e);
  /// Wakes all readers; there will be nothing more.
  void close();

  /// What came after the event with number `seen`, at most after a second; empty if nothing did.
  /// Sets `seen` to the last of it. Returns: false when closed.
  [[nodiscard]] bool wait(std::uint64_t& seen, std::string& news);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> frames_;  // this and the rest: mutex_
  std::uint64_t last_ = 0;          // number of frames_.back()
  bool closed_ = false;
};

}  // namespace observatory
