// SPDX-License-Identifier: MIT
//
// operation_log: what was asked of a pool, to be asked of another one again.
//
//   tarn::operation_log log;
//   tarn::logged_pool logged(pool, log);
//   run(logged);                                          // allocate and deallocate
//   const auto there = tarn::replay(log, advised_pool);   // the same on other tiers or locks

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tarn/detail/align.hpp>
#include <tarn/policy/snapshot.hpp>

namespace tarn {

/// One entry of an operation_log.
struct logged_operation {
  bool is_get = false;
  std::size_t size = 0;      ///< that was asked for; of a put, by its get
  std::uint64_t ticket = 0;  ///< the number of the get, from 0
  std::uint32_t thread = 0;  ///< from 0, in the order they came
  std::uint64_t time = 0;    ///< nanoseconds since the first operation
};

/// A log of gets and puts, four to seven bytes each, up to a bound: then it takes no more, and
/// counts what it did not take.
///
/// Thread safety: all but moves, from any thread; what is logged at the same time has some order.
class operation_log {
 public:
  static constexpr std::uint64_t no_ticket = ~std::uint64_t{0};
  static constexpr std::size_t default_bytes = std::size_t{1} << 20;

  explicit operation_log(std::size_t max_bytes = default_bytes) : max_bytes_(max_bytes) {}

  /// Logs a get. Returns: what its put has to be logged with. Throws: `std::bad_alloc`; the log is
  /// as before then.
  std::uint64_t get(std::size_t size) { return append(true, size, 0); }
  /// Logs the put of a get. One that was not logged is not logged either.
  /// Throws: `std::invalid_argument` for a ticket of no get that is out; `std::bad_alloc`.
  void put(std::uint64_t ticket) {
    if (ticket != no_ticket) append(false, 0, ticket);
  }

  [[nodiscard]] std::size_t operations() const {
    const std::lock_guard hold(lock_);
    return operations_;
  }
  [[nodiscard]] std::size_t size_bytes() const {
    const std::lock_guard hold(lock_);
    return bytes_.size();
  }
  /// Operations that found no room.
  [[nodiscard]] std::uint64_t dropped() const {
    const std::lock_guard hold(lock_);
    return dropped_;
  }
  /// All that was logged, oldest first.
  [[nodiscard]] std::vector<logged_operation> all() const {
    const std::lock_guard hold(lock_);
    return decode(bytes_);
  }

  /// The log as bytes that `load` understands, on any machine.
  [[nodiscard]] std::vector<std::byte> save() const {
    const std::lock_guard hold(lock_);
    std::vector<std::byte> out(mark, mark + sizeof mark);
    out.insert(out.end(), bytes_.begin(), bytes_.end());
    return out;
  }
  /// Replaces the content by that of saved bytes.
  ///
  /// Throws: `std::invalid_argument`, naming the place, for bytes that are none of a log: cut off,
  ///   with a put of what is not out, with sizes that no block can have. Nothing has changed then.
  void load(std::span<const std::byte> saved) {
    if (saved.size() < sizeof mark || !std::equal(mark, mark + sizeof mark, saved.begin())) {
      refuse(0, "does not begin as a log does");
    }
    std::vector<std::byte> fresh(saved.begin() + sizeof mark, saved.end());
    const auto operations = decode(fresh);  // refuses what is wrong
    const std::lock_guard hold(lock_);
    bytes_ = std::move(fresh);
    operations_ = operations.size();
    gets_ = dropped_ = last_time_ = 0;
    is_out_.assign(operations.size(), false);
    for (const auto& o : operations) {
      gets_ += o.is_get;
      is_out_[o.ticket] = o.is_get;
      last_time_ = o.time;
    }
    // Later operations go on where this ends.
    begin_ = clock::now() - std::chrono::nanoseconds(last_time_);
    threads_.clear();
  }

 private:
  using clock = std::chrono::steady_clock;

  static constexpr std::byte mark[8] = {std::byte{'t'}, std::byte{'a'}, std::byte{'r'},
                                        std::byte{'n'}, std::byte{'l'}, std::byte{'o'},
                                        std::byte{'g'}, std::byte{1}};
  static constexpr std::uint64_t most_threads = std::uint64_t{1} << 20;

  /// An operation is three numbers: thread and kind, size or how many gets ago, time since the
  /// last.
  std::uint64_t append(bool is_get, std::size_t size, std::uint64_t ticket) {
    const std::lock_guard hold(lock_);
    const auto moment = clock::now();
    if (operations_ == 0) begin_ = moment;
    const auto now = static_cast<std::uint64_t>((moment - begin_).count());
    if (!is_get && (ticket >= gets_ || !is_out_[ticket])) {
      throw std::invalid_argument("tarn: operation log: ticket " + std::to_string(ticket) +
                                  " is of no get that is out");
    }
    const auto time = now < last_time_ ? last_time_ : now;
    const auto thread = threads_.try_emplace(std::this_thread::get_id(), threads_.size());
    std::byte wire[30];
    std::size_t n = 0;
    n += encode(wire + n, thread.first->second << 1 | (is_get ? 1 : 0));
    n += encode(wire + n, is_get ? size : gets_ - 1 - ticket);
    n += encode(wire + n, time - last_time_);
    if (max_bytes_ - bytes_.size() < n || bytes_.size() > max_bytes_) {
      ++dropped_;
      return no_ticket;
    }
    if (is_get) is_out_.resize(gets_ + 1, true);
    bytes_.insert(bytes_.end(), wire, wire + n);
    ++operations_;
    last_time_ = time;
    if (is_get) return gets_++;
    is_out_[ticket] = false;
    return no_ticket;
  }

  static std::size_t encode(std::byte* to, std::uint64_t value) noexcept {
    std::size_t n = 0;
    for (; value >= 128; value >>= 7)
      to[n++] = static_cast<std::byte>(value | 128);
    to[n++] = static_cast<std::byte>(value);
    return n;
  }
  [[nodiscard]] static std::uint64_t number(std::span<const std::byte> from, std::size_t& at) {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at == from.size()) refuse(at, "is cut off");
      const auto byte = std::to_integer<std::uint64_t>(from[at++]);
      if (shift == 63 && byte > 1) refuse(at, "has a number of more than 64 bits");
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  [[nodiscard]] static std::vector<logged_operation> decode(std::span<const std::byte> from) {
    std::vector<logged_operation> all;
    std::vector<std::pair<std::size_t, bool>> out;  // per get: its size, and whether it is out
    std::uint64_t time = 0;
    for (std::size_t at = 0; at != from.size();) {
      const auto begin = at;
      const auto head = number(from, at);
      const auto value = number(from, at);
      const auto delta = number(from, at);
      logged_operation o;
      o.is_get = (head & 1) != 0;
      if (head >> 1 >= most_threads) refuse(begin, "has too many threads");
      o.thread = static_cast<std::uint32_t>(head >> 1);
      if (delta > UINT64_MAX / 2 - time) refuse(begin, "has a time that is too late");
      o.time = time += delta;
      if (o.is_get) {
        if (value > detail::max_size) refuse(begin, "has a size that no block can have");
        o.ticket = out.size();
        o.size = static_cast<std::size_t>(value);
        out.emplace_back(o.size, true);
      } else {
        if (value >= out.size() || !out[out.size() - 1 - value].second) {
          refuse(begin, "has a put of what is not out");
        }
        o.ticket = out.size() - 1 - value;
        o.size = out[o.ticket].first;
        out[o.ticket].second = false;
      }
      all.push_back(o);
    }
    return all;
  }
  [[noreturn]] static void refuse(std::size_t at, const char* why) {
    throw std::invalid_argument("tarn: operation log, byte " + std::to_string(at) + ": " + why);
  }

  std::size_t max_bytes_;
  mutable std::mutex lock_;
  // All below: lock.
  std::vector<std::byte> bytes_;
  std::unordered_map<std::thread::id, std::uint64_t> threads_;
  clock::time_point begin_{};
  std::uint64_t last_time_ = 0;
  std::uint64_t gets_ = 0;
  std::vector<bool> is_out_;  // by ticket
  std::uint64_t dropped_ = 0;
  std::size_t operations_ = 0;
};

/// A byte pool whose raw gets and puts are logged. Thread safety: as the pool.
template <class Pool>
class logged_pool {
 public:
  /// Both must outlive it.
  logged_pool(Pool& pool, operation_log& log) noexcept : pool_(pool), log_(log) {}

  [[nodiscard]] void* allocate(std::size_t size) {
    void* const block = pool_.allocate(size);
    try {
      const auto ticket = log_.get(size);
      const std::lock_guard hold(lock_);
      tickets_.insert_or_assign(block, ticket);
    } catch (...) {
      pool_.deallocate(block, size);
      throw;
    }
    return block;
  }
  /// Throws: `std::bad_alloc` if the log has no memory for it; the block is back all the same.
  void deallocate(void* block, std::size_t size) {
    auto ticket = operation_log::no_ticket;
    {
      const std::lock_guard hold(lock_);
      if (const auto found = tickets_.find(block); found != tickets_.end()) {
        ticket = found->second;
        tickets_.erase(found);
      }
    }
    pool_.deallocate(block, size);
    log_.put(ticket);
  }

 private:
  Pool& pool_;
  operation_log& log_;
  std::mutex lock_;
  std::unordered_map<void*, std::uint64_t> tickets_;  // lock
};

/// What a replay did to a pool.
struct replay_result {
  snapshot difference;           ///< of the pool: after all of it, less before
  std::uint64_t gets = 0;        ///< that the pool served
  std::uint64_t failed = 0;      ///< that it did not
  std::uint64_t requested = 0;   ///< bytes, by gets that a tier served
  std::uint64_t reserved = 0;    ///< bytes of the blocks that these got
  std::uint64_t most_bytes = 0;  ///< of all blocks that were out at once

  [[nodiscard]] std::uint64_t wasted() const noexcept { return reserved - requested; }
};

/// Does all that was logged once more, on another pool: in the order of the log, without its pauses
/// and on the calling thread. What is out in the end is given back.
template <class Pool>
replay_result replay(const operation_log& log, Pool& pool) {
  const auto operations = log.all();
  replay_result result;
  std::vector<std::pair<void*, std::size_t>> out;
  const auto before = pool.snapshot();
  const auto last = pool.tiers().size_of(pool.tiers().count() - 1);
  std::uint64_t held = 0;
  const auto give_back = [&](std::pair<void*, std::size_t>& block) {
    if (block.first == nullptr) return;
    pool.deallocate(std::exchange(block.first, nullptr), block.second);
    held -= pool.capacity_for(block.second);
  };
  out.reserve(operations.size());
  for (const auto& o : operations) {
    if (!o.is_get) {
      give_back(out[o.ticket]);
      continue;
    }
    void* const block = pool.try_allocate(o.size);
    out.emplace_back(block, o.size);
    if (block == nullptr) {
      ++result.failed;
      continue;
    }
    ++result.gets;
    held += pool.capacity_for(o.size);
    result.most_bytes = result.most_bytes < held ? held : result.most_bytes;
    if (o.size <= last) {
      result.requested += o.size;
      result.reserved += pool.capacity_for(o.size);
    }
  }
  for (auto& block : out)
    give_back(block);
  result.difference = pool.snapshot() - before;
  return result;
}

}  // namespace tarn
