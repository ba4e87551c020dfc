// SPDX-License-Identifier: MIT
// How do I construct objects in pooled memory, each with its own arguments?

#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include <tarn/array_handle.hpp>
#include <tarn/object_pool.hpp>

namespace {

struct session {
  session(std::string name, int number) : peer(std::move(name)), socket(number) {
    if (socket < 0) throw std::invalid_argument("no such socket");
    ++open;
  }
  ~session() { --open; }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  std::string peer;
  int socket;
  static inline int open = 0;
};

// Constructed for each use and destroyed on return; only the memory stays.
using session_pool = tarn::object_pool<session, tarn::thread_cached<>, tarn::counting_stats,
                                       tarn::object_traits<tarn::build_objects>>;

}  // namespace

int main() {
  // `secure`: no byte of a session is left in the memory, which may show up elsewhere later.
  session_pool sessions({.name = "sessions", .zeroing = tarn::zeroing::secure});
  const session* place = nullptr;
  {
    session_pool::handle s = sessions.make("192.0.2.7", 4);
    place = s.get();
    std::printf("session with %s on socket %d\n", s->peer.c_str(), s->socket);
    if (session::open != 1) return 1;
  }
  if (session::open != 0) return 1;  // the destructor has run

  auto next = sessions.make("192.0.2.8", 5);
  std::printf("the next one is built in %s memory\n", next.get() == place ? "the same" : "other");
  if (next.get() != place) return 1;

  try {  // a constructor that throws loses no memory
    static_cast<void>(sessions.make("nobody", -1));
    return 1;
  } catch (const std::invalid_argument& error) {
    std::printf("refused: %s\n", error.what());
  }
  next.reset();

  // Many at once, in a row: an array in a block of a byte pool.
  tarn::byte_pool<> bytes;
  {
    const auto local = tarn::make_array<session>(bytes, 3, "localhost", 6);
    std::printf("%d sessions with %s\n", session::open, local[2].peer.c_str());
    if (session::open != 3) return 1;
  }
  return sessions.occupancy().in_use() == 0 && session::open == 0 ? 0 : 1;
}
