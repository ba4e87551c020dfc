// SPDX-License-Identifier: MIT
//
// operation_recorder: records the operations of running pools.
//
//   tarn::operation_recorder recorder;
//   {
//     const auto watching = recorder.watch(pool);         // until it or the pool ends
//     run(pool);                                          // on any number of threads
//   }
//   const tarn::operation_log log = recorder.log();       // to save and replay

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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

/// The bounds of a recorder. It stops at the first bound that it reaches.
struct recorder_options {
  std::size_t max_bytes = std::size_t{1} << 20;   ///< of the log; an operation has two to five
  std::size_t max_blocks = std::size_t{1} << 16;  ///< live at the same time
  std::size_t max_threads = 256;                  ///< alive at the same time, in most cases
};

/// The bound that a recorder has reached.
enum class recorder_limit : unsigned char { none, bytes, blocks, threads };

namespace detail {

/// The state of a recorder, shared with all its observers. The last of them frees it.
///
/// One lock orders all operations, so that a put is after its get, and the next get of the block is
/// after that put. Under the lock only bytes and counters move, in memory that was taken before.
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
      // A pool does not hand out a live block: its put was not reported.
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
  /// Bytes that `read` has counted never change again.
  [[nodiscard]] const std::byte* bytes() const noexcept { return bytes_.get(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof *this + max_bytes_ + out_.memory_bytes() + threads_.memory_bytes();
  }

 private:
  // Preconditions of all members below: the lock is held.

  [[nodiscard]] bool is_full() const noexcept { return limit_ != recorder_limit::none; }
  void drop() noexcept { ++gaps_.dropped; }
  void stop(recorder_limit why) noexcept {
    limit_ = why;
    drop();
  }
  /// Returns: false if there is no room; the log ends then.
  [[nodiscard]] bool append(logged_operation o) noexcept {
    // Threads alive at the same time have different tables; a new thread may take over the number
    // of a thread that has ended.
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

  mutable fork_lock lock_;
  std::size_t max_bytes_;               // constant
  std::unique_ptr<std::byte[]> bytes_;  // behind used_: guarded by the lock
  std::size_t used_ = 0;                // this and all below: guarded by the lock
  std::size_t operations_ = 0;
  operation_encoder encoder_;
  block_table out_;      // tickets by block
  block_table threads_;  // numbers by the table of the thread
  std::int64_t begin_ = 0;
  std::uint64_t last_ = 0;
  recorder_limit limit_ = recorder_limit::none;
  log_gaps gaps_;
};

/// Reports the operations of a pool to a recorder.
template <class Pool>
class operation_writer final
    : public observer<typename lock_traits<typename Pool::lock_type>::env> {
 public:
  operation_writer(std::shared_ptr<operation_book> book, const Pool&) : book_(std::move(book)) {}

  bool on(const pool_event& h) noexcept override {
    if (h.what == pool_event_kind::get) book_->get(h.block, h.size);
    if (h.what == pool_event_kind::put) book_->put(h.block);
    return true;
  }
  [[nodiscard]] bool wants_operations() const noexcept override { return true; }

 private:
  std::shared_ptr<operation_book> book_;
};

}  // namespace detail

/// Records the gets and puts of the pools that it watches: requested size, thread, time, and the
/// get of each put.
///
/// The constructor takes all memory, see `memory_bytes`. When it is full it stops: the log has all
/// operations up to a moment, and later ones are counted as dropped. A put of a block whose get was
/// before the recording is counted and left out. Over-aligned requests are logged as all others.
///
/// While it watches, gets and puts leave the hit path and take the recorder's lock: about a fifth
/// of a microsecond each, more if many threads wait for it.
///
/// Thread safety: any thread may call any member.
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

  /// Records the operations of `pool` until the returned object ends, or until the pool closes.
  ///
  /// Throws: `pool_closed`; `std::invalid_argument` if the pool has 8 other observers;
  ///   `std::bad_alloc`.
  template <class Pool>
  [[nodiscard]] pool_watch watch(Pool& pool) {
    if constexpr (requires { pool.sized(); }) {
      return watch(pool.sized());
    } else {
      using writer = detail::operation_writer<Pool>;
      return pool_watch(std::make_shared<detail::pool_link<Pool, writer>>(book_, pool));
    }
  }

  /// Logs a get by hand, for memory that is not from a pool. Ignores null.
  void add_get(const void* block, std::size_t size) noexcept { book_->get(block, size); }
  /// Logs the put of `block`. Ignores null.
  void add_put(const void* block) noexcept { book_->put(block); }

  /// Returns: the log up to now. Recording goes on. Throws: `std::bad_alloc`.
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
  /// The number of operations that came when it was full.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return book_->read().gaps.dropped; }
  /// The bound that it has reached; `none` while it records.
  [[nodiscard]] recorder_limit limit() const noexcept { return book_->read().limit; }
  /// The number of blocks with a get in the log, but no put.
  [[nodiscard]] std::size_t blocks_out() const noexcept { return book_->read().out; }
  /// The bytes of all its memory, which never grows: `max_bytes`, 24 to 48 bytes for each of
  /// `max_blocks` and of `max_threads`, and the object itself.
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
