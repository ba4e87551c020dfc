// SPDX-License-Identifier: MIT
//
// What each of many libraries that are loaded late offers: a pool of its own, the use of any pool,
// and things that it leaves behind in the program.

#pragma once

#include <string>

#include <tarn/observe/event_log.hpp>
#include <tarn/tarn.hpp>

namespace modules {

struct late_session {
  std::string text;
  void reset() { text.clear(); }
};
using late_sessions = tarn::object_pool<late_session>;
struct late_pools {
  tarn::byte_pool<> bytes;
  late_sessions sessions;
};

struct late_api {
  /// The library's own pools. A library whose pools are never asked for makes none.
  late_pools& (*own)();
  void (*use)(late_pools& p, int times);
  void (*end_buffer)(tarn::buffer b);
  void (*end_shared)(tarn::shared_buffer b);
  void (*end_session)(late_sessions::handle h);

  // Code of the library that the program calls later.
  tarn::shared_buffer (*adopt)(tarn::byte_pool<>& pool);
  tarn::shared_buffer (*adopt_with_pointer)(tarn::byte_pool<>& pool);
  void (*call_back)(tarn::byte_pool<>& pool);
  void (*hear_events)(tarn::event_log& log);
  tarn::pool_watch (*watch)(tarn::event_log& log, tarn::byte_pool<>& pool);
};

}  // namespace modules
