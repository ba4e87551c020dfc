// SPDX-License-Identifier: MIT
//
// replay: performs the recorded operations of one pool on another pool.
//
//   const auto one = tarn::replay(log, pool);             // on this thread
//   const auto all = tarn::replay_on_threads(log, pool);  // on as many threads as were recorded
//   std::cout << all << '\n';

#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/observe/detail/read_pool.hpp>
#include <tarn/observe/operations/operation_log.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/value/snapshot.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

struct replay_options {
  /// Each operation waits for its recorded time, multiplied by this: 1 is the recorded speed, 0.5
  /// is twice as fast. 0: no operation waits.
  double pace = 0;
  /// The number of bytes to write after each get of a byte pool, from the begin of the block.
  std::size_t touched_bytes = 0;
};

/// The result of a replay on a pool.
///
/// The sums are of the operations that the pool served, and exact on threads as well. High-water
/// marks follow the order of the log; on threads that drift apart the true ones may differ.
struct replay_result {
  snapshot difference;               ///< of the pool: after the replay, less before
  std::uint32_t threads = 0;         ///< threads of the replay
  std::uint64_t operations = 0;      ///< operations of the log
  std::uint64_t gets = 0;            ///< gets that the pool served
  std::uint64_t failed = 0;          ///< gets that the pool refused
  std::uint64_t oversize = 0;        ///< served gets above the last tier
  std::uint64_t requested = 0;       ///< bytes, by gets that a tier served
  std::uint64_t reserved = 0;        ///< bytes of the blocks of these gets, in memory
  std::uint64_t most_requested = 0;  ///< requested bytes of live blocks, the most at once
  std::uint64_t most_reserved = 0;   ///< bytes of live blocks in memory, the most at once
  time_span duration{};              ///< from the start of all threads to the end of the last one
  std::uint64_t dropped = 0;         ///< by the recorder: the log ends before the load did
  std::uint64_t unseen_puts = 0;     ///< puts that the log does not have; see operation_log

  [[nodiscard]] std::uint64_t wasted() const noexcept { return reserved - requested; }
  /// The part of the reserved bytes that was not requested.
  [[nodiscard]] double waste() const noexcept {
    return reserved == 0 ? 0 : static_cast<double>(wasted()) / static_cast<double>(reserved);
  }
  /// The gets of the tiers that found a ready block; 0 if the pool does not count.
  [[nodiscard]] std::uint64_t hits() const noexcept { return difference.total().hits(); }
  [[nodiscard]] std::uint64_t misses() const noexcept { return difference.total().misses; }
};

/// Prints one line of text.
inline std::ostream& operator<<(std::ostream& out, const replay_result& r) {
  out << r.operations << " operations on " << r.threads
      << (r.threads == 1 ? " thread, " : " threads, ") << r.failed << " failed, " << r.wasted()
      << " bytes of waste (" << (std::round)(r.waste() * 1000) / 10 << " %), at once "
      << r.most_requested << " bytes in blocks of " << r.most_reserved << ", " << r.hits()
      << " hits, " << r.misses() << " misses, " << r.duration.count() / 1000 << " us";
  if (r.dropped != 0) out << "; the recorder dropped " << r.dropped << " later operations";
  if (r.unseen_puts != 0) out << "; without " << r.unseen_puts << " puts of older blocks";
  return out;
}

namespace detail {

template <class Pool>
inline constexpr bool has_sizes = requires(Pool& p, std::size_t size) {
  p.try_allocate(size);
  p.capacity_for(size);
};

template <class Pool>
inline constexpr bool gets_objects = requires(Pool& p) { p.try_get(); };
template <class Pool>
inline constexpr bool makes_objects = requires(Pool& p) { p.try_make(); };
template <class Pool>
inline constexpr bool can_be_asked = has_sizes<Pool> || gets_objects<Pool> || makes_objects<Pool>;

/// Gets one item of `pool`: a raw block, or the handle of an object.
template <class Pool>
[[nodiscard]] auto take_one(Pool& pool, [[maybe_unused]] std::size_t size) {
  if constexpr (has_sizes<Pool>) {
    return pool.try_allocate(size);
  } else if constexpr (gets_objects<Pool>) {
    return pool.try_get();
  } else {
    return pool.try_make();
  }
}

/// The pool of a replay: a byte pool gets sizes, an object pool ignores them.
template <class Pool>
class replay_target {
 public:
  using block_type = decltype(take_one(std::declval<Pool&>(), 0));

  explicit replay_target(Pool& pool) : pool_(pool) {
    if constexpr (has_sizes<Pool>) {
      last_ = pool.tiers().size_of(pool.tiers().count() - 1);
    } else {
      object_ = pool.occupancy().tiers.front();
    }
  }
  /// Returns: empty if the pool has no block, or if its factory throws.
  [[nodiscard]] block_type take(std::size_t size, [[maybe_unused]] std::size_t touched) noexcept {
    try {
      auto block = take_one(pool_, size);
      if constexpr (has_sizes<Pool>) {
        if (block != nullptr && touched != 0) std::memset(block, 0x5a, min_of(size, touched));
      }
      return block;
    } catch (...) {
      return {};
    }
  }
  void give(block_type& block, std::size_t size) noexcept {
    if constexpr (has_sizes<Pool>) {
      if (block != nullptr) pool_.deallocate(std::exchange(block, nullptr), size);
    } else {
      block.reset();
    }
  }
  [[nodiscard]] bool is_oversize(std::size_t size) const noexcept { return size > last_; }
  [[nodiscard]] std::size_t requested(std::size_t size) const noexcept {
    return has_sizes<Pool> ? size : min_of(size, object_.size_bytes);
  }
  /// The bytes in memory of the block that serves `size`.
  [[nodiscard]] std::size_t reserved(std::size_t size) const noexcept {
    if constexpr (has_sizes<Pool>) {
      return is_oversize(size) ? size : stride_for(pool_.capacity_for(size));
    } else {
      return object_.stride_bytes;
    }
  }

 private:
  Pool& pool_;
  std::size_t last_ = SIZE_MAX;  // size of the last tier
  tier_occupancy object_{};      // tier of an object pool
};

// Replaces std::jthread, which not every library has.
struct joined_threads {
  joined_threads() = default;
  joined_threads(const joined_threads&) = delete;
  joined_threads& operator=(const joined_threads&) = delete;
  ~joined_threads() {
    for (auto& thread : all)
      thread.join();
  }
  std::vector<std::thread> all;
};

/// A replay under way.
///
/// Each thread performs its operations in their order. Only a put waits, for its get on another
/// thread. No thread waits for ever: take the first operation in the log that is still to be done.
/// Its thread has done all its earlier operations. If it is a put, its get is earlier in the log,
/// so it is done. So this operation can go on.
template <class Pool>
class replay_run {
 public:
  using script = std::vector<logged_operation>;

  replay_run(const operation_log& log, Pool& pool, const replay_options& o)
      : log_(log), target_(pool), options_(o), slots_(std::make_unique<slot[]>(log.gets())) {
    if (!(o.pace >= 0 && o.pace <= most_pace)) {
      throw std::invalid_argument("tarn: pace of a replay " + std::to_string(o.pace) +
                                  " must be from 0 to " + std::to_string(most_pace));
    }
  }

  replay_run(const replay_run&) = delete;
  replay_run& operator=(const replay_run&) = delete;
  ~replay_run() { give_back(); }

  /// Runs each of `scripts` on a thread of its own. Throws: `std::system_error` if the system can't
  /// start all threads: no operation was done then.
  [[nodiscard]] std::int64_t on_threads(const std::vector<script>& scripts) {
    std::vector<std::int64_t> ends(scripts.size());
    std::atomic<std::uint32_t> start{waiting};
    std::atomic<std::size_t> ready{0};
    {
      joined_threads threads;
      // Destroyed first: all threads wait for the start, also if one of them could not be made.
      struct opener {
        std::atomic<std::uint32_t>& start;
        std::uint32_t how = cancelled;
        ~opener() {
          start.store(how, std::memory_order::release);  // (1)
          start.notify_all();
        }
      } opens{start};
      threads.all.reserve(scripts.size());
      for (std::size_t i = 0; i != scripts.size(); ++i) {
        threads.all.emplace_back([&, i] {
          ready.fetch_add(1, std::memory_order::relaxed);  // only counted
          start.wait(waiting, std::memory_order::acquire);
          // (2) acquire, pairs with (1): this thread sees the time of the begin.
          if (start.load(std::memory_order::acquire) == cancelled) return;
          perform(scripts[i]);
          ends[i] = native_env::now();
        });
      }
      for (unsigned turn = 0; ready.load(std::memory_order::relaxed) != scripts.size(); ++turn)
        native_env::pause(turn);
      opens.how = running;
      begin();
    }
    std::int64_t last = begin_;
    for (const auto end : ends)
      last = max_of(last, end);
    return last - begin_;
  }
  [[nodiscard]] std::int64_t here(const script& all) {
    begin();
    perform(all);
    return native_env::now() - begin_;
  }

  /// Gives all live blocks back.
  void give_back() noexcept {
    for (std::size_t i = 0; i != log_.gets(); ++i)
      target_.give(slots_[i].block, slots_[i].size);
  }
  void sum_up(replay_result& r) const {
    r.operations = log_.operations();
    r.dropped = log_.dropped();
    r.unseen_puts = log_.unseen_puts();
    std::uint64_t requested = 0;
    std::uint64_t reserved = 0;
    log_.for_each([&](const logged_operation& o) {
      const auto& s = slots_[o.ticket];
      // relaxed: all threads have ended.
      if (s.state.load(std::memory_order::relaxed) == failed) {
        r.failed += o.is_get ? 1 : 0;
        return;
      }
      const auto asked = target_.requested(o.size);
      const auto given = target_.reserved(o.size);
      if (!o.is_get) {
        requested -= asked;
        reserved -= given;
        return;
      }
      ++r.gets;
      requested += asked;
      reserved += given;
      r.most_requested = max_of(r.most_requested, requested);
      r.most_reserved = max_of(r.most_reserved, reserved);
      if (target_.is_oversize(o.size)) {
        ++r.oversize;
      } else {
        r.requested += asked;
        r.reserved += given;
      }
    });
  }

 private:
  using block_type = typename replay_target<Pool>::block_type;
  enum : std::uint32_t { waiting, running, cancelled };  // states of the start
  enum : std::uint8_t { pending, served, failed };       // states of a get
  static constexpr double most_pace = 1e6;

  struct slot {
    block_type block{};  // this and the size: the getter's until `state` changes, then the putter's
    std::size_t size = 0;
    std::atomic<std::uint8_t> state{pending};
  };

  void begin() noexcept { begin_ = native_env::now(); }

  void perform(const script& operations) noexcept {
    for (const auto& o : operations) {
      if (options_.pace > 0) wait_until(o.time);
      auto& s = slots_[o.ticket];
      if (o.is_get) {
        s.size = o.size;
        s.block = target_.take(o.size, options_.touched_bytes);
        // (3) release, pairs with (4): publishes the block and its content.
        s.state.store(s.block ? served : failed, std::memory_order::release);
      } else {
        for (unsigned turn = 0; s.state.load(std::memory_order::acquire) == pending; ++turn)  // (4)
          native_env::pause(turn);
        target_.give(s.block, o.size);
      }
    }
  }
  void wait_until(std::uint64_t time) const {
    constexpr double century = 3e18;  // the clock's own reading still fits above it
    const auto pause = std::fmin(static_cast<double>(time) * options_.pace, century);
    const auto left = begin_ + static_cast<std::int64_t>(pause) - native_env::now();
    if (left > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(left));
  }

  const operation_log& log_;
  replay_target<Pool> target_;
  replay_options options_;
  std::unique_ptr<slot[]> slots_;  // by ticket
  std::int64_t begin_ = 0;
};

}  // namespace detail

/// Performs all logged operations on another pool, on the calling thread and in the order of the
/// log. Blocks that are live at the end are given back.
///
/// `pool`: a byte pool, or an object pool without arguments for `get` or `make`, which ignores the
/// logged sizes. Throws: `std::invalid_argument` if the pace is negative or above a million;
/// `std::bad_alloc`. Complexity: O(operations), 40 bytes for each and 24 or 32 for each get.
template <class Pool>
replay_result replay(const operation_log& log, Pool& pool, const replay_options& o = {}) {
  static_assert(detail::can_be_asked<Pool>,
                "replay: the pool must be one of bytes, or of objects made without arguments");
  detail::replay_run<Pool> run(log, pool, o);
  const auto all = log.all();
  replay_result result;
  result.threads = 1;
  const auto before = read_pool(pool);
  result.duration = time_span::of_nanoseconds(run.here(all));
  run.give_back();
  result.difference = read_pool(pool) - before;
  run.sum_up(result);
  return result;
}

/// As `replay`, on as many threads as were recorded. Each performs the operations of its recorded
/// thread in their order. A put of a block of another thread waits for its get. All else runs as
/// fast as possible, or at the pace.
///
/// Preconditions: no other thread uses the pool meanwhile, if the result is to describe the replay.
/// Throws: as `replay`, and `std::system_error` if the system can't start all threads; the pool is
///   unchanged then.
template <class Pool>
replay_result replay_on_threads(const operation_log& log, Pool& pool,
                                const replay_options& o = {}) {
  static_assert(
      detail::can_be_asked<Pool>,
      "replay_on_threads: the pool must be one of bytes, or of objects made without arguments");
  static_assert(is_concurrent_v<typename Pool::lock_type>,
                "replay_on_threads: the pool is for one thread; use replay");
  using run_type = detail::replay_run<Pool>;
  run_type run(log, pool, o);
  std::vector<typename run_type::script> scripts(log.threads());
  log.for_each([&](const logged_operation& one) { scripts[one.thread].push_back(one); });
  replay_result result;
  result.threads = log.threads();
  const auto before = read_pool(pool);
  result.duration = time_span::of_nanoseconds(run.on_threads(scripts));
  run.give_back();
  result.difference = read_pool(pool) - before;
  run.sum_up(result);
  return result;
}

}  // namespace tarn
