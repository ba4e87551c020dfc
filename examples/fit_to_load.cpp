// SPDX-License-Identifier: MIT
//
// Fits pools to their load. A monitor fits the number of objects that a pool keeps while it runs;
// an event log reports its changes. A recorder writes down the requests to a pool. From this
// recording follow the tiers of least waste, and replays show the effect of other tiers and other
// locks.

#include <array>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/advice.hpp>
#include <tarn/observe/bounds_advice.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/monitor.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/observe/operations/replay.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/runtime_tiers.hpp>

using session = std::array<std::byte, 1024>;
using session_pool = tarn::object_pool<session, std::mutex>;

// How many objects are kept.
static bool fit_bounds() {
  session_pool sessions({.name = "sessions", .initial_objects = 4, .max_objects = 16});
  tarn::event_log log;
  const auto watching = log.watch(sessions);
  log.set_sink([](const tarn::event& e) {
    std::cout << e.pool << ": " << to_string(e.kind) << ", " << e.message << '\n';
  });

  // By hand here; start() does the same on its own thread, every thirty seconds.
  tarn::monitor fitting(sessions, {.interval = tarn::time_span::of_seconds(5)});
  {
    std::vector<session_pool::handle> busy;
    for (int i = 0; i != 200; ++i)
      busy.push_back(sessions.get());  // four hits, all others miss
    fitting.check();                   // the bound grows from 16 to 24
  }

  std::size_t made = 0;
  sessions.set_callback([&](const tarn::operation& o) {
    if (o.kind == tarn::operation_kind::create) ++made;
  });
  for (int i = 0; i != 1000; ++i)
    static_cast<void>(sessions.get());  // one at a time: all are hits
  sessions.set_callback(nullptr);

  // Objects in slabs that are still used are destroyed. Their blocks count as pinned.
  const auto tier = sessions.snapshot().tiers[0];
  std::cout << made << " sessions were made for 1000 more gets, " << tier.idle - tier.idle_pinned
            << " of at most " << tier.max_idle << " are kept\n\n";
  return made == 0 && tier.max_idle == 24 && log.total() == 1;
}

// How large the blocks are.
static tarn::operation_log record_load(tarn::byte_pool<>& frames) {
  tarn::operation_recorder recorder;
  const auto watching = recorder.watch(frames);  // until the end of this scope
  std::vector<std::jthread> threads;
  for (unsigned self = 0; self != 4; ++self) {
    threads.emplace_back([&frames, self] {
      std::mt19937 random(self);
      std::vector<tarn::buffer> busy(16);
      for (int i = 0; i != 5000; ++i)  // headers, frames, and some uploads
        busy[random() % 16] = frames.get(random() % 100 == 0 ? 20'000 + random() % 5000
                                         : random() % 2 == 0 ? 80 + random() % 60
                                                             : 1100 + random() % 400);
    });
  }
  threads.clear();  // waits for the threads
  return recorder.log();
}

template <class Lock>
static std::uint64_t row(const char* lock, const tarn::operation_log& log,
                         const tarn::runtime_tiers& tiers) {
  tarn::byte_pool_of<tarn::runtime_tiers, Lock> pool({}, tiers);
  const auto r = tarn::replay_on_threads(log, pool, {.touched_bytes = 64});
  std::printf("%5zu  %-13s %9llu %5.1f %% %12llu %7llu %8lld\n", tiers.count(), lock,
              static_cast<unsigned long long>(r.wasted()), 100 * r.waste(),
              static_cast<unsigned long long>(r.most_reserved),
              static_cast<unsigned long long>(r.misses()),
              static_cast<long long>(r.duration.count() / 1000));
  return r.wasted();
}

static bool fit_tiers() {
  tarn::byte_pool<> frames({.name = "frames"});
  const auto log = record_load(frames);
  // Bounds of what this load needed, with a quarter of headroom, as options to paste.
  std::cout << tarn::advise_bounds(frames.snapshot()) << '\n';
  const auto advice = tarn::advise(log.sizes(), 4, frames.tiers());
  std::cout << log.operations() << " operations of " << log.threads() << " threads in "
            << log.size_bytes() << " bytes:\n\n"
            << advice << '\n'
            << std::flush;

  std::puts("tiers  lock              waste         high water  misses       us");
  bool is_true = log.dropped() == 0;
  for (const bool fits : {false, true}) {
    const auto tiers = fits ? advice.to_runtime_tiers() : tarn::runtime_tiers();
    const auto promised = (fits ? advice.after : advice.before).wasted();
    is_true = row<std::mutex>("std::mutex", log, tiers) == promised && is_true;
    is_true = row<tarn::lock_free>("lock_free", log, tiers) == promised && is_true;
    is_true = row<tarn::thread_cached<>>("thread_cached", log, tiers) == promised && is_true;
  }
  return is_true && advice.after.wasted() < advice.before.wasted();
}

int main() {
  const bool bounds_fit = fit_bounds();
  return fit_tiers() && bounds_fit ? 0 : 1;
}
