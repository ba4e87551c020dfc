// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "hub.hpp"
#include "reply.hpp"
#include "store.hpp"

namespace broker {

/// What a command knows of the connection that it came from.
template <class Memory>
class client {
  using types = containers<Memory>;

 public:
  using shared_buffer = typename types::shared_buffer;

  client(Memory& m, std::int64_t number)
      : out(m), name(m.store), channels(m.store), patterns(m.store), id(number) {}
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Sends both pieces to this client, from the thread of another one.
  virtual void deliver(const shared_buffer& head, const shared_buffer& body) = 0;

  [[nodiscard]] std::size_t subscriptions() const noexcept {
    return channels.size() + patterns.size();
  }

  reply<Memory> out;
  typename types::text name;
  typename types::set channels;
  typename types::set patterns;
  std::int64_t id;
  bool ends = false;         ///< closes when its output is written
  bool ends_server = false;  ///< by the command SHUTDOWN

 protected:
  ~client() = default;
};

/// What all clients share. Thread safety: as an `int`; the server guards it where there are
/// threads.
template <class Memory>
struct shared_state {
  explicit shared_state(Memory& m) : memory(m), keys(m), subscribers(m) {}

  Memory& memory;
  store<Memory> keys;
  hub<Memory, client<Memory>> subscribers;
  std::uint64_t commands = 0;
  std::uint64_t clients = 0;
  std::uint64_t dropped = 0;  ///< subscribers that did not read
  unsigned threads = 1;
};

}  // namespace broker
