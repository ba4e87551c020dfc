// SPDX-License-Identifier: MIT
//
// producer -> workers -> sink, over the allocation.

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "input.hpp"
#include "queue.hpp"
#include "records.hpp"

namespace pipeline {

/// A record on its way. `Owner` has `data()` and `size()` and frees the bytes when it dies.
template <class Owner>
struct record {
  Owner bytes;
  std::uint64_t offset;
  finding found;
  std::uint32_t part;
  cut kind;
  std::uint8_t taken_by;  ///< the thread, see `run`
};

/// Large batches, so that waking threads up does not cost more than what they do; few of them, so
/// that what is under way stays in the caches. A batch ends early at so many bytes of text.
inline constexpr std::size_t records_per_batch = 1024;
inline constexpr std::size_t bytes_per_batch = 512 << 10;
inline constexpr std::size_t batches_per_queue = 4;

struct work {
  const std::vector<part>& parts;
  std::uint64_t passes;  ///< over all parts
  unsigned workers;
  bool lose_one;  ///< the sink forgets a block: the self-test
};

struct result {
  double seconds = 0;
  std::vector<statistics> parts;
  std::uint64_t records = 0;
  std::uint64_t on_another_thread = 0;  ///< of those, let go of by a thread that had not taken them
};

/// Called now and then while a run is under way, with the records that are through.
using watcher = std::function<void(std::uint64_t)>;

namespace detail {

/// The first exception of several threads.
class first_error {
 public:
  void keep(std::exception_ptr error) {
    const std::lock_guard hold(mutex_);
    if (!error_) error_ = std::move(error);
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
};

/// The block stays out for ever, but leak checkers still find a pointer to it.
template <class Owner>
void forget(Owner owner) {
  alignas(Owner) static std::byte grave[sizeof(Owner)];
  ::new (static_cast<void*>(grave)) Owner(std::move(owner));
}

template <class Owner, class Take>
void produce(const work& job, Take& take, batch_queue<record<Owner>>& out) {
  std::vector<record<Owner>> batch;
  std::size_t bytes = 0;
  const auto send = [&] {
    bytes = 0;
    const bool sent = out.push(batch);
    batch.reserve(records_per_batch);
    return sent;
  };
  batch.reserve(records_per_batch);
  for (std::uint64_t pass = 0; pass != job.passes; ++pass) {
    for (std::size_t p = 0; p != job.parts.size(); ++p) {
      const auto& from = job.parts[p];
      const bool sent =
          cut_up(from.data, from.size,
                 [&](cut kind, std::size_t offset, const std::byte* data, std::size_t size) {
                   Owner owner = take(size);
                   std::memcpy(owner.data(), data, size);
                   batch.push_back({std::move(owner),
                                    from.offset + offset,
                                    {},
                                    static_cast<std::uint32_t>(p),
                                    kind,
                                    0});
                   bytes += size;
                   return (batch.size() < records_per_batch && bytes < bytes_per_batch) || send();
                 });
      if (!sent) return;
    }
  }
  if (!batch.empty()) static_cast<void>(send());
}

template <class Owner>
void examine_all(batch_queue<record<Owner>>& in, batch_queue<record<Owner>>& out) {
  std::vector<record<Owner>> batch;
  while (in.pop(batch)) {
    for (auto& r : batch)
      r.found = examine(r.kind, r.offset, r.bytes.data(), r.bytes.size());
    if (!out.push(batch)) return;
  }
}

template <class Owner>
void sink(const work& job, std::uint8_t self, batch_queue<record<Owner>>& in, result& into,
          std::atomic<std::uint64_t>& through) {
  std::vector<record<Owner>> batch;
  bool lose = job.lose_one;
  while (in.pop(batch)) {
    for (auto& r : batch) {
      into.parts[r.part].add(r.kind, r.bytes.size(), r.found);
      into.on_another_thread += r.taken_by != self;
    }
    if (std::exchange(lose, false)) forget(std::move(batch.front().bytes));
    into.records += batch.size();
    batch.clear();  // here all blocks of the batch go back
    // relaxed: a number to look at.
    through.store(into.records, std::memory_order_relaxed);
  }
}

}  // namespace detail

/// Runs the pipeline once: thread 0 produces, threads 1 to `workers` examine, the next one is the
/// sink. `take(size)` gets the bytes for one record.
///
/// Throws: what a thread threw first; all have ended then, and all records are gone.
template <class Owner, class Take>
[[nodiscard]] result run(const work& job, Take take, const watcher& watch) {
  using namespace std::chrono_literals;
  batch_queue<record<Owner>> to_workers(batches_per_queue);
  batch_queue<record<Owner>> to_sink(batches_per_queue);
  std::atomic<unsigned> working{job.workers};
  std::atomic<std::uint64_t> through{0};
  detail::first_error error;
  std::mutex mutex;
  std::condition_variable ended;
  bool is_over = false;
  result made;
  made.parts.resize(job.parts.size());

  const auto stage = [&](auto&& body, auto&& at_end) {
    return [&error, &to_workers, &to_sink, body, at_end] {
      try {
        body();
      } catch (...) {
        error.keep(std::current_exception());
        to_workers.close();
        to_sink.close();
      }
      at_end();
    };
  };
  std::vector<std::thread> threads;
  threads.reserve(job.workers + 2);  // so that nothing below can throw but a thread's constructor

  const auto start = std::chrono::steady_clock::now();
  threads.emplace_back(
      stage([&] { detail::produce<Owner>(job, take, to_workers); }, [&] { to_workers.close(); }));
  for (unsigned i = 0; i != job.workers; ++i) {
    threads.emplace_back(stage([&] { detail::examine_all<Owner>(to_workers, to_sink); },
                               [&] {
                                 // acq_rel: the last one closes after the others have pushed.
                                 if (working.fetch_sub(1, std::memory_order_acq_rel) == 1) {
                                   to_sink.close();
                                 }
                               }));
  }
  threads.emplace_back(stage(
      [&] {
        detail::sink<Owner>(job, static_cast<std::uint8_t>(job.workers + 1), to_sink, made,
                            through);
      },
      [&] {
        const std::lock_guard hold(mutex);
        made.seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        is_over = true;
        ended.notify_all();
      }));
  {
    std::unique_lock hold(mutex);
    while (!ended.wait_for(hold, 100ms, [&] { return is_over; })) {
      hold.unlock();
      watch(through.load(std::memory_order_relaxed));
      hold.lock();
    }
  }
  for (auto& t : threads)
    t.join();
  error.rethrow();
  return made;
}

}  // namespace pipeline
