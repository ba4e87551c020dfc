// SPDX-License-Identifier: MIT
//
// One operation of a pool, as callbacks see it:
//
//   pool.set_callback([](const tarn::operation& o) { log(to_string(o.kind), o.size_bytes); });

#pragma once

#include <cstddef>
#include <utility>

#include <tarn/detail/events/observer.hpp>
#include <tarn/detail/events/refusals.hpp>

namespace tarn {

/// What a pool does to one block, or that it has none. The order is that of detail::moment.
enum class operation_kind : unsigned char {
  get,
  put,
  create,   ///< it had never been handed out before, or the factory made the object
  discard,  ///< it was idle, or came back, and went: a bound, a trim, a reset that failed
  cleanup,  ///< it was idle and went, or its pages did: it had not been needed for long, or a purge
  refuse,   ///< a request got nothing: there is no block
};

[[nodiscard]] constexpr const char* to_string(operation_kind kind) noexcept {
  constexpr const char* names[] = {"get", "put", "create", "discard", "cleanup", "refuse"};
  return names[static_cast<std::size_t>(kind)];
}

struct operation {
  operation_kind kind = operation_kind::get;
  std::size_t tier = 0;        ///< one more than the last for sizes above it
  std::size_t size_bytes = 0;  ///< as asked for, where that is known; else of the block
  void* item = nullptr;        ///< the block, or the object of an object pool
  refusal reason{};            ///< of a refuse
};

namespace detail {

/// Tells a callback of the user's of every operation.
template <class Env, class Callback>
class callback_watcher final : public observer<Env> {
 public:
  explicit callback_watcher(Callback&& callback) : callback_(std::move(callback)) {}

  bool on(const pool_event& h) noexcept override {
    if (h.what > pool_event_kind::refuse) return true;
    try {
      const auto why =
          h.what == pool_event_kind::refuse ? static_cast<refusal>(h.before) : refusal{};
      callback_(operation{static_cast<operation_kind>(h.what), h.tier, h.size, h.block, why});
      return true;
    } catch (...) {  // the pool has done what it had to; who cares looks at the count
      return false;
    }
  }
  [[nodiscard]] bool wants_operations() const noexcept override { return true; }

 private:
  Callback callback_;
};

}  // namespace detail
}  // namespace tarn
