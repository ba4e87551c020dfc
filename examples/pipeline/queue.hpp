// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace pipeline {

/// A bounded queue of batches. Batches are swapped in and out, so the vectors are reused, and
/// nothing is allocated once they have grown.
///
/// Thread safety: every member from any thread.
template <class T>
class batch_queue {
 public:
  explicit batch_queue(std::size_t most) : slots_(most) {}

  /// Waits for room and takes the content of `batch`, which is then empty. Returns: false if the
  /// queue was closed; `batch` is then unchanged.
  [[nodiscard]] bool push(std::vector<T>& batch) {
    {
      std::unique_lock hold(mutex_);
      has_room_.wait(hold, [this] { return used_ != slots_.size() || closed_; });
      if (closed_) return false;
      batch.swap(slots_[(first_ + used_) % slots_.size()]);
      ++used_;
    }
    has_some_.notify_one();
    return true;
  }

  /// Waits for a batch. Preconditions: `batch` is empty. Returns: false if the queue was closed and
  /// is empty.
  [[nodiscard]] bool pop(std::vector<T>& batch) {
    {
      std::unique_lock hold(mutex_);
      has_some_.wait(hold, [this] { return used_ != 0 || closed_; });
      if (used_ == 0) return false;
      batch.swap(slots_[first_]);
      first_ = (first_ + 1) % slots_.size();
      --used_;
    }
    has_room_.notify_one();
    return true;
  }

  /// No more batches can be pushed; the batches in the queue can still be taken.
  void close() {
    {
      const std::lock_guard hold(mutex_);
      closed_ = true;
    }
    has_room_.notify_all();
    has_some_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_room_;
  std::condition_variable has_some_;
  // used_ batches from first_ on, modulo the size; every other slot holds an empty vector.
  std::vector<std::vector<T>> slots_;
  std::size_t first_ = 0;
  std::size_t used_ = 0;
  bool closed_ = false;
};

}  // namespace pipeline
