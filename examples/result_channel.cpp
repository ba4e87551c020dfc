// SPDX-License-Identifier: MIT
// Can an object that contains a mutex be pooled? A channel for one result, used again and again.
// (compat/cachex.hpp has one that can also be closed, and wait for a time.)

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <tarn/object_pool.hpp>

namespace {

template <class T>
class one_slot_channel {
 public:
  void put(T value) {
    const std::lock_guard hold(mutex_);
    slot_ = std::move(value);
    full_.notify_one();
  }
  T take() {
    std::unique_lock hold(mutex_);
    full_.wait(hold, [this] { return slot_.has_value(); });
    return *std::exchange(slot_, {});
  }
  [[nodiscard]] bool is_empty() {
    const std::lock_guard hold(mutex_);
    return !slot_.has_value();
  }
  // A kept object is never copied or moved: it waits for its next user at its address.
  void reset() { slot_.reset(); }

 private:
  std::mutex mutex_;
  std::condition_variable full_;
  std::optional<T> slot_;
};

}  // namespace

int main() {
  tarn::object_pool<one_slot_channel<int>> channels({.name = "results"});
  int sum = 0;
  for (int i = 1; i <= 100; ++i) {
    const auto channel = channels.get();
    std::thread worker([&slot = *channel, i] { slot.put(i * i); });
    sum += channel->take();
    worker.join();
  }
  channels.get()->put(42);  // the result is not taken, and the next user must not find it
  if (!channels.get()->is_empty()) return 1;

  const auto made = channels.snapshot().constructed;
  std::printf("100 results, sum %d, by %llu channel\n", sum, static_cast<unsigned long long>(made));
  return sum == 338350 && made == 1 ? 0 : 1;
}
