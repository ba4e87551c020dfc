// SPDX-License-Identifier: MIT
//
// Sends events to many readers.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include <tarn/value/event.hpp>

namespace observatory {

/// The last events, as server-sent events, for readers that each go at their own pace: a reader
/// that is too slow misses the oldest events.
///
/// Thread safety: any thread may call any member.
class event_stream {
 public:
  static constexpr std::size_t kept = 100;

  void add(const tarn::event& e);
  /// Wakes all readers; no more events follow.
  void close();

  /// Waits up to a second for events after number `seen`. Writes them to `news`, which is empty if
  /// none came, and the number of the last one to `seen`. Returns: false when closed.
  [[nodiscard]] bool wait(std::uint64_t& seen, std::string& news);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> frames_;  // this and the members below: mutex_
  std::uint64_t last_ = 0;          // number of frames_.back()
  bool closed_ = false;
};

}  // namespace observatory
