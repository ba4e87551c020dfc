// SPDX-License-Identifier: MIT
//
// A monitor fits what a pool keeps to its load; an event log tells what it did, a callback what the
// pool does.

#include <array>
#include <iostream>
#include <vector>

#include <tarn/object_pool.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/monitor.hpp>

using session = std::array<std::byte, 1024>;
using session_pool = tarn::object_pool<session, std::mutex>;

int main() {
  session_pool sessions({.name = "sessions", .initial_objects = 4, .max_objects = 16});

  tarn::event_log log;
  const auto watching = log.watch(sessions);
  log.set_sink([](const tarn::event& e) {
    std::cout << e.pool << ": " << to_string(e.kind) << ", " << e.message << '\n';
  });

  // By hand here; start() does the same on a thread of its own, every thirty seconds.
  tarn::monitor fitting(sessions, {.interval = tarn::time_span::of_seconds(5)});
  {
    std::vector<session_pool::handle> busy;
    for (int i = 0; i != 200; ++i)
      busy.push_back(sessions.get());  // four hits, all others miss
    fitting.check();                   // grow, 16 to 24
  }

  std::size_t made = 0;
  sessions.set_callback([&](const tarn::operation& o) {
    if (o.kind == tarn::operation_kind::create) ++made;
  });
  for (int i = 0; i != 1000; ++i)
    static_cast<void>(sessions.get());  // one at a time: all hit
  sessions.set_callback(nullptr);

  // What lies in slabs that others still use is no object any more, and counts as pinned.
  const auto tier = sessions.snapshot().tiers[0];
  std::cout << made << " sessions were made for 1000 more gets, " << tier.idle - tier.idle_pinned
            << " of at most " << tier.max_idle << " are kept\n";
  return made == 0 && tier.max_idle == 24 && log.total() == 1 ? 0 : 1;
}
