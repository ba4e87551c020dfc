// SPDX-License-Identifier: MIT
//
// One operation of a pool, as a callback receives it:
//
//   pool.set_callback([](const tarn::operation& o) { log(to_string(o.kind), o.size_bytes); });

#pragma once

#include <cstddef>
#include <utility>

#include <tarn/detail/events/observer.hpp>
#include <tarn/detail/events/refusals.hpp>

namespace tarn {

/// The kinds of operation. The order is that of detail::moment.
enum class operation_kind : unsigned char {
  get,
  put,
  create,   ///< a block's first use, or the factory made the object
  discard,  ///< a block or object left the pool: a bound, a trim, a failed reset
  cleanup,  ///< an idle block or its pages went: not needed for long, or a purge
  refuse,   ///< a request was refused: there is no block
};

[[nodiscard]] constexpr const char* to_string(operation_kind kind) noexcept {
  constexpr const char* names[] = {"get", "put", "create", "discard", "cleanup", "refuse"};
  return names[static_cast<std::size_t>(kind)];
}

struct operation {
  operation_kind kind = operation_kind::get;
  std::size_t tier = 0;        ///< one more than the last for sizes above it
  std::size_t size_bytes = 0;  ///< requested, where that is known; else of the block
  void* item = nullptr;        ///< the block, or the object of an object pool
  refusal reason{};            ///< why a request was refused
};

namespace detail {

/// Calls a callback of the user for every operation.
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
    } catch (...) {  // swallowed: the pool counts it
      return false;
    }
  }
  [[nodiscard]] bool wants_operations() const noexcept override { return true; }

 private:
  Callback callback_;
};

}  // namespace detail
}  // namespace tarn
