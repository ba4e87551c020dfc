// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include <asio/io_context.hpp>

#include "client.hpp"

namespace broker {

template <class Memory>
class connection;

struct limits {
  std::size_t output = 8 << 20;  ///< bytes that may wait for a subscriber
};

/// The state of all connections, and its lock. One thread needs none.
template <class Memory>
struct guarded_state {
  guarded_state(Memory& m, unsigned threads) : state(m) { state.threads = threads; }

  [[nodiscard]] std::unique_lock<std::mutex> lock() {
    std::unique_lock hold(mutex_, std::defer_lock);
    if (state.threads > 1) hold.lock();
    return hold;
  }

  shared_state<Memory> state;
  limits bounds;
  std::function<void()> end_server;  ///< may be called on any thread

 private:
  std::mutex mutex_;
};

/// A thread's part of the server: its event loop and its connections.
template <class Memory>
struct worker {
  worker(Memory& m, guarded_state<Memory>& s) : memory(m), shared(s), open(m.store) {}

  /// Writes what commands of others have left for connections of this thread.
  void flush();

  Memory& memory;
  guarded_state<Memory>& shared;
  std::unordered_set<connection<Memory>*, std::hash<connection<Memory>*>, std::equal_to<>,
                     typename Memory::template allocator<connection<Memory>*>>
      open;
  std::vector<std::shared_ptr<connection<Memory>>> to_flush;
  bool is_ending = false;
  asio::io_context events{1};  // for one thread; last member: its handlers use the others
};

}  // namespace broker
