// SPDX-License-Identifier: MIT
//
// What a module without a pool of its own offers: it watches the program's pools.

#pragma once

#include <cstddef>
#include <memory>

#include <tarn/interop/any_buffer.hpp>
#include <tarn/observe/detail/ticker.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/tarn.hpp>

namespace modules {

struct observing_api {
  std::unique_ptr<tarn::event_log> (*make_log)();
  /// Watches `pool` `times` times, each for a moment.
  void (*watch)(tarn::event_log& log, tarn::byte_pool<>& pool, int times);
  std::unique_ptr<tarn::ticker> (*make_ticker)(void (*action)());
  bool (*start)(tarn::ticker& t);
  bool (*is_running)(const tarn::ticker& t);
  void (*stop)(tarn::ticker& t);
  std::unique_ptr<tarn::pool_registry> (*make_registry)();
  tarn::publication (*publish)(tarn::pool_registry& to, tarn::byte_pool<>& pool, const char* name);
  /// Publishes `pool`, lists all pools and unpublishes it, `times` times. Returns: the number of
  /// pools seen.
  std::size_t (*use_registry)(tarn::pool_registry& all, tarn::byte_pool<>& pool, const char* name,
                              int times);
  tarn::any_buffer (*wrap)(tarn::buffer b);
  tarn::any_buffer (*wrap_shared)(tarn::shared_buffer b);
};

}  // namespace modules
