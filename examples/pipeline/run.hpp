// SPDX-License-Identifier: MIT
//
// producer -> workers -> two sinks, over the allocation.

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "archive.hpp"
#include "heap.hpp"
#include "input.hpp"
#include "queue.hpp"
#include "records.hpp"

namespace pipeline {

// The names that both sides provide in a `Side`:
//
//   unique           a message of one owner, and
//   shared           one of several: pointers to a struct with the fields of `tarn::message` and a
//                    `progress`; the payload is `value`
//   take(size)       a message with a payload of `size` bytes
// where to write the bytes of a message
//   share(from, to)  fans a message out to several owners
//   writer           appends varints and big-endian numbers

/// The data that the pipeline has for a record besides its message.
struct progress_of_record {
  finding found{};
  cut kind{};
  std::uint8_t taken_by = 0;  ///< the thread, see `run`
};

/// Large batches, so that the work on a batch is larger than the cost of waking a thread up; few
/// batches, so that their data stays in the caches. A batch ends early at a maximum of bytes of
/// text.
inline constexpr std::size_t records_per_batch = 1024;
inline constexpr std::size_t bytes_per_batch = 512 << 10;
inline constexpr std::size_t batches_per_queue = 4;

struct work {
  const std::vector<part>& parts;
  const std::vector<std::string>& topics;  ///< of the files of the parts
  std::uint64_t passes;                    ///< over all parts
  unsigned workers;
  bool lose_one;  ///< the sink forgets a block: the self-test
};

struct result {
  double seconds = 0;
  double cpu_seconds = 0;  ///< of all threads; other programs on the machine change it little
  std::vector<statistics> parts;
  std::vector<archive> archives;  ///< of the same parts, read back from the encoded bytes
  std::uint64_t records = 0;
  std::uint64_t encoded_bytes = 0;
  std::uint64_t heap_calls = 0;         ///< of all threads, from their first record to their last
  std::uint64_t on_another_thread = 0;  ///< records that were released on another thread
};

/// Processor time of this process until now.
[[nodiscard]] inline double cpu_seconds() noexcept {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

/// Called at intervals while a run is under way, with the number of finished records.
using observer = std::function<void(std::uint64_t)>;

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

/// The block is never given back, but leak checkers still find a pointer to it.
template <class Owner>
void forget(Owner owner) {
  alignas(Owner) static std::byte grave[sizeof(Owner)];
  ::new (static_cast<void*>(grave)) Owner(std::move(owner));
}

template <class Side>
void produce(const work& job, Side& side, batch_queue<typename Side::unique>& out) {
  std::vector<typename Side::unique> batch;
  std::size_t bytes = 0;
  std::uint64_t id = 0;
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
                   auto message = side.take(size);
                   std::memcpy(side.bytes(message), data, size);
                   message->id = id++;
                   message->topic = job.topics[from.file];
                   message->partition = static_cast<std::int32_t>(p);
                   message->offset = static_cast<std::int64_t>(from.offset + offset);
                   message->progress = {{}, kind, 0};
                   batch.push_back(std::move(message));
                   bytes += size;
                   return (batch.size() < records_per_batch && bytes < bytes_per_batch) || send();
                 });
      if (!sent) return;
    }
  }
  if (!batch.empty()) static_cast<void>(send());
}

/// Examines every record and hands it to both sinks.
template <class Side>
void examine_all(Side& side, batch_queue<typename Side::unique>& in,
                 std::array<batch_queue<typename Side::shared>, 2>& out) {
  using shared = typename Side::shared;
  std::vector<typename Side::unique> batch;
  std::array<std::vector<shared>, 2> fans;
  while (in.pop(batch)) {
    for (auto& fan : fans)
      fan.reserve(records_per_batch);
    for (auto& m : batch) {
      m->progress.found = examine(m->progress.kind, static_cast<std::uint64_t>(m->offset),
                                  m->value.data(), m->value.size());
      m->checksum = static_cast<std::uint32_t>(m->progress.found.checksum);
      std::array<shared, 2> both;
      side.share(std::move(m), both);
      for (std::size_t i = 0; i != both.size(); ++i)
        fans[i].push_back(std::move(both[i]));
    }
    batch.clear();
    for (std::size_t i = 0; i != fans.size(); ++i)
      if (!out[i].push(fans[i])) return;
  }
}

/// The first sink: gathers the facts about each file.
template <class Side>
void count_up(const work& job, std::uint8_t self, batch_queue<typename Side::shared>& in,
              result& into, std::atomic<std::uint64_t>& through) {
  std::vector<typename Side::shared> batch;
  bool lose = job.lose_one;
  while (in.pop(batch)) {
    for (const auto& m : batch) {
      into.parts[static_cast<std::size_t>(m->partition)].add(m->progress.kind, m->value.size(),
                                                             m->progress.found);
      into.on_another_thread += m->progress.taken_by != self;
    }
    if (std::exchange(lose, false)) forget(std::move(batch.front()));
    into.records += batch.size();
    batch.clear();
    // relaxed: a number for display.
    through.store(into.records, std::memory_order_relaxed);
  }
}

/// The second sink: encodes each batch as an archive would, and reads it back.
template <class Side>
void encode(batch_queue<typename Side::shared>& in, result& into) {
  std::vector<typename Side::shared> batch;
  typename Side::writer out;
  while (in.pop(batch)) {
    out.clear();
    for (const auto& m : batch) {
      out.append_varint(static_cast<std::uint64_t>(m->partition));
      out.append_varint(static_cast<std::uint64_t>(m->offset));
      out.append_varint(m->value.size());
      out.append_be(m->progress.found.checksum);
    }
    batch.clear();  // most messages, and their bytes, go back here
    into.encoded_bytes += out.bytes().size();
    read_back(out.bytes(), into.archives);
  }
}

}  // namespace detail

/// Runs the pipeline once: thread 0 produces, threads 1 to `workers` examine, the next two are the
/// sinks.
///
/// Throws: the first exception of a thread. All threads have then ended, and all records are gone.
template <class Side>
[[nodiscard]] result run(const work& job, Side& side, const observer& watch) {
  using namespace std::chrono_literals;
  batch_queue<typename Side::unique> to_workers(batches_per_queue);
  std::array<batch_queue<typename Side::shared>, 2> to_sinks{
      batch_queue<typename Side::shared>(batches_per_queue),
      batch_queue<typename Side::shared>(batches_per_queue)};
  std::atomic<unsigned> working{job.workers};
  std::atomic<unsigned> sinking{2};
  std::atomic<std::uint64_t> through{0};
  std::atomic<std::uint64_t> heap_calls{0};
  detail::first_error error;
  std::mutex mutex;
  std::condition_variable ended;
  bool is_over = false;
  result made;
  made.parts.resize(job.parts.size());
  made.archives.resize(job.parts.size());

  const auto close_all = [&] {
    to_workers.close();
    for (auto& q : to_sinks)
      q.close();
  };
  const auto stage = [&](auto&& body, auto&& at_end) {
    return [&error, &close_all, &heap_calls, body, at_end] {
      const auto before = heap_calls_of_this_thread();
      try {
        body();
      } catch (...) {
        error.keep(std::current_exception());
        close_all();
      }
      heap_calls.fetch_add(heap_calls_of_this_thread() - before, std::memory_order_relaxed);
      at_end();
    };
  };
  std::vector<std::thread> threads;
  threads.reserve(job.workers + 3);  // so that below only a thread's constructor can throw

  const auto cpu_before = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  threads.emplace_back(
      stage([&] { detail::produce(job, side, to_workers); }, [&] { to_workers.close(); }));
  for (unsigned i = 0; i != job.workers; ++i) {
    threads.emplace_back(stage([&] { detail::examine_all(side, to_workers, to_sinks); },
                               [&] {
                                 // acq_rel: the last worker closes the queue after the others have
                                 // pushed.
                                 if (working.fetch_sub(1, std::memory_order_acq_rel) == 1) {
                                   for (auto& q : to_sinks)
                                     q.close();
                                 }
                               }));
  }
  const auto at_end_of_sink = [&] {
    // acq_rel: the last sink sees the results of the other.
    if (sinking.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    const std::lock_guard hold(mutex);
    made.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    is_over = true;
    ended.notify_all();
  };
  threads.emplace_back(stage(
      [&] {
        detail::count_up<Side>(job, static_cast<std::uint8_t>(job.workers + 1), to_sinks[0], made,
                               through);
      },
      at_end_of_sink));
  threads.emplace_back(stage([&] { detail::encode<Side>(to_sinks[1], made); }, at_end_of_sink));
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
  made.cpu_seconds = cpu_seconds() - cpu_before;
  error.rethrow();
  made.heap_calls = heap_calls.load();
  return made;
}

}  // namespace pipeline
