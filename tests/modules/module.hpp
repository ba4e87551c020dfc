// SPDX-License-Identifier: MIT
//
// The functions that a module offers to the program. Functions, not symbols: a program may load
// four modules.

#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/tarn.hpp>

namespace modules {

struct session {
  std::string text;
  void reset() { text.clear(); }
};
using session_pool = tarn::object_pool<session>;
using mutex_pool = tarn::byte_pool<tarn::system_mutex>;
using free_pool = tarn::byte_pool<tarn::lock_free, tarn::recording_stats>;
using page_pool =
    tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                    tarn::traits<tarn::small_tiers, tarn::checked, tarn::page_source>>;

/// One pool of each kind. The program has them, and each module has its own.
struct pools {
  tarn::byte_pool<> bytes;
  mutex_pool mutexed;
  free_pool lock_free;
  page_pool checked;
  session_pool sessions;
  tarn::message_pool<> messages;
  // So many that some are found out of line, in a library as in a program.
  tarn::byte_pool<> more[6];
};

struct api {
  /// The module's own pools.
  pools& (*own)();
  /// Gets and puts in any pools, `times` times. Returns: how many gets each pool saw.
  std::uint64_t (*use)(pools& p, int times);
  /// Takes handles of any pools apart, or ends them.
  void (*end_buffer)(tarn::buffer b);
  void (*end_shared)(tarn::shared_buffer b);
  void (*end_chain)(tarn::chain c);
  void (*end_session)(session_pool::handle h);
  void (*end_message)(tarn::message_pool<>::shared m);
  /// Counts the operations of `p` that happened while `action` ran.
  std::size_t (*watch)(tarn::byte_pool<>& p, void (*action)(void*), void* argument);
};

}  // namespace modules
