// SPDX-License-Identifier: MIT
//
// operation_recorder: writes down what a running pool is asked for.
//
//   tarn::operation_recorder recorder;
//   {
//     const auto watching = recorder.watch(pool);         // until it goes, or the pool
//     run(pool);                                          // on any number of threads
//   }
//   const tarn::operation_log log = recorder.log();       // to be saved, and replayed

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/events/observer.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/observe/detail/fork_lock.hpp>
#include <tarn/observe/detail/pool_watch.hpp>
#include <tarn/observe/operations/block_table.hpp>
#include <tarn/observe/operations/operation_log.hpp>
#include <tarn/policy/lock.hpp>

namespace tarn {

/// How much a recorder takes. It stops at the first of these that is reached.
struct recorder_options {
  std::size_t max_bytes = std::size_t{1} << 20;   ///< of the log; an operation has two to five
  std::size_t max_blocks = std::size_t{1} << 16;  ///< that are out at once
  std::size_t max_threads = 256;                  ///< that are there at once, mostly
};

/// What a recorder ran out of.
enum class recorder_limit : unsigned char { none, bytes, blocks, threads };

namespace detail {

/// What a recorder is, for all that write into it: it lives as long as one of them.
///
/// One lock orders all operations, so that a put stands behind its get and the next get of the
/// block behind that. Under it bytes and counters move, in memory that was taken before.
class operation_book {
 public:
  explicit operation_book(const recorder_options& o)
      : max_bytes_(o.max_bytes),
        bytes_(std::make_unique_for_overwrite<std::byte[]>(o.max_bytes)),
        out_(o.max_blocks),
        threads_(o.max_threads) {}

  void get(const void* block, std::size_t size) noexcept {
    if (block == nullptr) return;
    const guard<fork_lock> hold(lock_);
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    if (is_full()) return drop();
    if (const auto* const ticket = out_.find(address)) {
      // Nobody hands out what is out: the put was not told.
      if (!append({false, 0, *ticket, 0, 0})) return drop();
      ++gaps_.unheard_puts;
      out_.erase(address);
    }
    if (size > operation_encoder::max_size) return stop(recorder_limit::bytes);
    if (out_.is_full()) return stop(recorder_limit::blocks);
    const auto ticket = encoder_.gets();
    if (!append({true, size, ticket, 0, 0})) return drop();
    out_.insert(address, ticket);
  }
  void put(const void* block) noexcept {
    if (block == nullptr) return;
    const guard<fork_lock> hold(lock_);
    if (is_full()) return drop();
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    const auto* const ticket = out_.find(address);
    if (ticket == nullptr) {
      ++gaps_.unseen_puts;
      return;
    }
    if (!append({false, 0, *ticket, 0, 0})) return drop();
    out_.erase(address);
  }

  struct numbers {
    std::size_t bytes = 0;
    std::size_t operations = 0;
    std::size_t gets = 0;
    std::uint32_t threads = 0;
    std::size_t out = 0;
    recorder_limit limit = recorder_limit::none;
    log_gaps gaps;
  };
  [[nodiscard]] numbers read() const noexcept {
    const guard<fork_lock> hold(lock_);
    return {used_,
            operations_,
            detail::cast_to<std::size_t>(encoder_.gets()),
            static_cast<std::uint32_t>(threads_.size()),
            out_.size(),
            limit_,
            gaps_};
  }
  /// The first bytes never change once a `read` told of them.
  [[nodiscard]] const std::byte* bytes() const noexcept { return bytes_.get(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof *this + max_bytes_ + out_.memory_bytes() + threads_.memory_bytes();
  }

 private:
  // All below: the lock is held.

  [[nodiscard]] bool is_full() const noexcept { return limit_ != recorder_limit::none; }
  void drop() noexcept { ++gaps_.dropped; }
  void stop(recorder_limit why) noexcept {
    limit_ = why;
    drop();
  }
  /// Returns: false if there is no room; the log has come to its end then.
  [[nodiscard]] bool append(logged_operation o) noexcept {
    // Who lives at the same time has another table; a thread may go on with the number of one that
    // has ended.
    const auto thread = native_env::thread();
    const auto* const number = threads_.find(thread);
    if (number == nullptr && threads_.is_full()) {
      limit_ = recorder_limit::threads;
      return false;
    }
    o.thread = static_cast<std::uint32_t>(number != nullptr ? *number : threads_.size());
    const auto now = native_env::now();
    if (operations_ == 0) begin_ = now;
    const auto since = now < begin_ ? 0 : static_cast<std::uint64_t>(now - begin_);
    o.time = last_ = since < last_ ? last_ : since;
    std::byte wire[operation_encoder::max_bytes];
    const auto size = encoder_.encode(o, wire);
    if (size > max_bytes_ - used_) {
      limit_ = recorder_limit::bytes;
      return false;
    }
    for (std::size_t i = 0; i != size; ++i)
      bytes_[used_ + i] = wire[i];
    used_ += size;
    ++operations_;
    encoder_.commit(o);
    if (number == nullptr) threads_.insert(thread, o.thread);
    return true;
  }

  mutable fork_lock lock_{fork_lock::rank::inner};
  std::size_t max_bytes_;               // immutable
  std::unique_ptr<std::byte[]> bytes_;  // what is behind used_: lock
  std::size_t used_ = 0;                // this and all below: lock
  std::size_t operations_ = 0;
  operation_encoder encoder_;
  block_table out_;      // tickets by block
  block_table threads_;  // numbers by the thread's table
  std::int64_t begin_ = 0;
  std::uint64_t last_ = 0;
  recorder_limit limit_ = recorder_limit::none;
  log_gaps gaps_;
};

/// Tells a recorder what a pool does.
template <class Pool>
class operation_writer final
    : public observer<typename lock_traits<typename Pool::lock_type>::env> {
 public:
  operation_writer(std::shared_ptr<operation_book> book, const Pool&,
                   std::shared_ptr<pool_presence> presence)
      : book_(std::move(book)), presence_(std::move(presence)) {}

  bool on(const pool_event& h) noexcept override {
    if (h.what == pool_event_kind::get) book_->get(h.block, h.size);
    if (h.what == pool_event_kind::put) book_->put(h.block);
    return true;
  }
  void on_close() noexcept override {
    const std::lock_guard hold(presence_->lock);
    presence_->closed = true;
  }
  [[nodiscard]] bool wants_operations() const noexcept override { return true; }

 private:
  std::shared_ptr<operation_book> book_;
  std::shared_ptr<pool_presence> presence_;
};

}  // namespace detail

/// Records the gets and puts of pools that it watches: the size that was asked for, the thread, the
/// time, and which get a put belongs to.
///
/// The memory is taken when it is made and never grows, see `memory_bytes`. When it is full it
/// stops: the log is then all that happened up to a moment, and what came later is counted as
/// dropped. A put of a block that was had before is counted and left out. What is over-aligned is
/// logged as any other.
///
/// While it watches, gets and puts leave the hit path and meet at the recorder's lock: about a
/// fifth of a microsecond each, more where many threads wait for it.
///
/// Thread safety: any thread may call anything.
class operation_recorder {
 public:
  static constexpr std::size_t most_blocks = detail::cast_to<std::size_t>(
      detail::min_of<std::uint64_t>(std::uint64_t{1} << 32, detail::max_size));
  static constexpr std::size_t most_threads = std::size_t{1} << 16;

  /// Throws: `std::invalid_argument` if `max_blocks` or `max_threads` is 0, or above 2^32 or 2^16;
  ///   `std::bad_alloc`.
  operation_recorder() : operation_recorder(recorder_options{}) {}
  explicit operation_recorder(const recorder_options& o)
      : book_(std::make_shared<detail::operation_book>(checked(o))) {}

  /// Hears of `pool` until what it returns goes, or until the pool closes.
  ///
  /// Throws: `pool_closed`; `std::invalid_argument` if 8 others watch the pool; `std::bad_alloc`.
  template <class Pool>
  [[nodiscard]] pool_watch watch(Pool& pool) {
    using writer = detail::operation_writer<Pool>;
    return pool_watch(std::make_shared<detail::pool_link<Pool, writer>>(book_, pool));
  }

  /// Logs a get of one's own: for memory that is no pool's. Null is ignored.
  void add_get(const void* block, std::size_t size) noexcept { book_->get(block, size); }
  /// Logs the put of `block`. Null is ignored.
  void add_put(const void* block) noexcept { book_->put(block); }

  /// What there is up to now. Others go on meanwhile. Throws: `std::bad_alloc`.
  [[nodiscard]] operation_log(log)() const {
    const auto now = book_->read();
    operation_log made;
    made.bytes_.assign(book_->bytes(), book_->bytes() + now.bytes);
    made.operations_ = now.operations;
    made.gets_ = now.gets;
    made.threads_ = now.threads;
    made.gaps_ = now.gaps;
    return made;
  }
  [[nodiscard]] std::size_t operations() const noexcept { return book_->read().operations; }
  /// Operations that came when it was full.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return book_->read().gaps.dropped; }
  /// What it is full of; `none` while it records.
  [[nodiscard]] recorder_limit limit() const noexcept { return book_->read().limit; }
  /// Blocks whose get is in the log, but not their put.
  [[nodiscard]] std::size_t blocks_out() const noexcept { return book_->read().out; }
  /// All memory that it will ever have: `max_bytes`, 24 to 48 bytes for each of `max_blocks` and of
  /// `max_threads`, and what it is itself.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return book_->memory_bytes(); }

 private:
  [[nodiscard]] static const recorder_options& checked(const recorder_options& o) {
    const auto within = [](const char* what, std::size_t value, std::size_t most) {
      if (value == 0) detail::throw_invalid(what, value, "must be at least", 1);
      if (value > most) detail::throw_invalid(what, value, "must be at most", most);
    };
    within("max_blocks of a recorder", o.max_blocks, most_blocks);
    within("max_threads of a recorder", o.max_threads, most_threads);
    return o;
  }

  std::shared_ptr<detail::operation_book> book_;
};

}  // namespace tarn
