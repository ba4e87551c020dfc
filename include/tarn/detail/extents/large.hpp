// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/base/tick_rules.hpp>
#include <tarn/detail/extents/extent_map.hpp>
#include <tarn/detail/extents/extent_store.hpp>
#include <tarn/detail/extents/large_cache.hpp>
#include <tarn/value/basic/large_snapshot.hpp>

namespace tarn::detail {

/// Blocks above the last tier. They come from the source, or from a cache that has a limit in bytes
/// and finds the best fit.
///
/// If there is a cache, or if returns are checked, an address map holds the true extent of every
/// block that is out. Complexity: O(1), and with a cache O(log of the number of different sizes
/// that it keeps); nothing is walked under the lock. upkeep/age_large.hpp defines how kept blocks
/// age.
template <class Lock>
class large_blocks {
 public:
  /// A kept block serves only requests of at least half its size, so a request just above the last
  /// tier never pins a huge block.
  static constexpr std::size_t most_waste = 2;

  struct sized_block {
    void* block = nullptr;
    std::size_t capacity = 0;
  };
  /// A block that does not count as a get yet. Not a part of `sized_block`, which two registers
  /// hold.
  struct held_block : sized_block {
    bool is_reused = false;  // it came out of the cache
  };

  /// What is known of blocks lies in memory from `own`.
  large_blocks(std::size_t cache_bytes, bool tracks, const own_memory& own = own_memory()) noexcept
      : cache_bytes_(cache_bytes), tracks_(tracks || cache_bytes != 0), out_(own), store_(own) {}
  large_blocks(const large_blocks&) = delete;
  large_blocks& operator=(const large_blocks&) = delete;

  /// Takes a block. It counts as a get if `counts`; otherwise `count_get` follows, or `put_back`.
  /// Returns: null if there is no memory.
  template <class Source>
  [[nodiscard]] held_block take(std::size_t bytes, std::size_t alignment, bool counts,
                                Source& source) {
    if (cache_bytes_ != 0) {
      std::size_t wanted = 0;
      const held_block got = locked(lock_, [&]() -> held_block {
        extent* const best = cache_.take_best(bytes, alignment, most_waste);
        if (best == nullptr) return {};
        out_.push(best);
        wanted = out_.wanted();
        note_out(best->bytes);
        const held_block held{{best->block, best->bytes}, true};
        if (counts) count(held);
        return held;
      });
      out_.grow(wanted, lock_);
      if (got.block != nullptr) return got;
    }
    extent* const tracked = tracks_ ? store_.obtain(lock_) : nullptr;
    if (tracks_ && tracked == nullptr) return {};
    void* block = nullptr;
    try {
      block = source.allocate(bytes, alignment);
    } catch (...) {  // the caller reports the failure itself
    }
    if (block == nullptr) {
      if (tracked != nullptr) locked(lock_, [&] { store_.push(tracked); });
      return {};
    }
    std::size_t wanted = 0;
    locked(lock_, [&] {
      if (tracked != nullptr) {
        tracked->block = block;
        tracked->bytes = bytes;
        tracked->alignment = alignment;
        out_.push(tracked);
        wanted = out_.wanted();
      }
      note_out(bytes);
      if (counts) count({{block, bytes}});
    });
    out_.grow(wanted, lock_);
    return {{block, bytes}};
  }
  void count_get(const held_block& got) noexcept {
    const guard<Lock> hold(lock_);
    count(got);
  }
  /// Takes a block home as if it had not been taken. `alignment`: as for `take`.
  template <class Source>
  void put_back(const held_block& got, std::size_t alignment, Source& source) noexcept {
    {
      const guard<Lock> hold(lock_);
      --count_.in_use;
      count_.in_use_bytes -= got.capacity;
      if (extent* const found = tracks_ ? out_.pop(got.block) : nullptr) {
        alignment = found->alignment;
        if (got.is_reused && !closed_) return cache_.put(found);
        store_.push(found);
      }
    }
    source.deallocate(got.block, got.capacity, alignment);
  }

  /// Takes a block back; `bytes` is any size from the requested one to its capacity. Returns:
  /// whether it is a block that is out; false only if returns are tracked.
  template <class Source>
  [[nodiscard]] bool give(void* block, std::size_t bytes, std::size_t alignment, bool counts,
                          Source& source) noexcept {
    {
      const guard<Lock> hold(lock_);
      bool is_kept = false;
      if (tracks_) {
        extent* const found = out_.pop(block);
        if (found == nullptr) return false;
        bytes = found->bytes;
        alignment = found->alignment;
        is_kept =
            !closed_ && bytes <= cache_bytes_ && cache_.count().kept_bytes <= cache_bytes_ - bytes;
        if (is_kept) {
          cache_.put(found);
        } else {
          store_.push(found);
          if (cache_bytes_ != 0) ++count_.discarded, count_.discarded_bytes += bytes;
        }
      }
      if (counts) ++count_.puts;
      --count_.in_use;
      count_.in_use_bytes -= bytes;
      if (is_kept) return true;
    }
    source.deallocate(block, bytes, alignment);
    return true;
  }

  /// The true size of a block that is out; 0 for any other address.
  [[nodiscard]] std::size_t extent_of(const void* block) const noexcept {
    const guard<Lock> hold(lock_);
    const extent* const found = out_.find(block);
    return found != nullptr ? found->bytes : 0;
  }

  /// Gives kept blocks back until at most `to_bytes` are kept. Returns: the bytes given back.
  template <class Source>
  std::size_t trim(std::size_t to_bytes, Source& source) noexcept;

  using sweep = large_cache::sweep;
  /// Begins to take out kept blocks that should go or lose their pages. Returns: null if none
  /// should.
  [[nodiscard]] sweep* begin(const tick_rules& rules) noexcept;
  /// Takes some of these blocks out: see `large_cache::take_out`.
  [[nodiscard]] bool take_out(sweep& s, extent*& gone) noexcept {
    const guard<Lock> hold(lock_);
    return cache_.take_out(s, gone);
  }
  /// Decides on a block that was taken out: it stays, without `dropped` bytes of its pages, or it
  /// goes. Returns: the bytes given to the source.
  template <class Source>
  std::size_t settle(sweep& s, extent* e, bool stays, std::size_t dropped, Source& source) noexcept;

  /// In a fork's child, under the lock: blocks that other threads had taken out are no longer kept.
  void abandon() noexcept { cache_.abandon(); }
  /// Gives the kept blocks back and keeps no block from now on.
  template <class Source>
  void close(Source& source) noexcept {
    locked(lock_, [&] { closed_ = true; });
    static_cast<void>(trim(0, source));
  }

  /// Bytes of the blocks that are out.
  [[nodiscard]] std::size_t live_bytes() const noexcept {
    return locked(lock_, [&] { return count_.in_use_bytes; });
  }
  [[nodiscard]] large_snapshot numbers() const noexcept {
    const guard<Lock> hold(lock_);
    auto now = count_;
    now.kept = cache_.count().kept;
    now.kept_bytes = cache_.count().kept_bytes;
    now.max_kept_bytes = cache_bytes_;
    now.kept_purged = cache_.count().purged;
    now.kept_purged_bytes = cache_.count().purged_bytes;
    return now;
  }
  [[nodiscard]] bool tracks() const noexcept { return tracks_; }
  [[nodiscard]] bool keeps() const noexcept { return cache_bytes_ != 0; }
  [[nodiscard]] Lock& lock() noexcept { return lock_; }

 private:
  /// Under the lock.
  void count(const held_block& got) noexcept {
    ++count_.gets;
    if (got.is_reused) ++count_.reused;
    (got.is_reused ? count_.reused_bytes : count_.fresh_bytes) += got.capacity;
  }
  void note_out(std::size_t bytes) noexcept {
    ++count_.in_use;
    count_.in_use_bytes += bytes;
    most_out_ = max_of(most_out_, count_.in_use_bytes);
    count_.most_in_use_bytes = max_of(count_.most_in_use_bytes, count_.in_use_bytes);
  }

  /// Frees an extent. The lock is held, and only the caller uses the block. Returns: a copy of `e`.
  [[nodiscard]] extent retire(extent* e) noexcept {
    const extent was = *e;
    store_.push(e);
    return was;
  }

  mutable Lock lock_;
  std::size_t cache_bytes_;  // immutable
  bool tracks_;              // immutable: extents of blocks that are out are known
  bool closed_ = false;      // this and all below: guarded by lock_
  large_snapshot count_;     // except the numbers of kept blocks
  large_cache cache_;
  std::size_t most_out_ = 0;  // most bytes in use since the last tick
  std::size_t peak_ = 0;      // the recent peak of bytes in use
  extent_map out_;
  extent_store store_;
};

}  // namespace tarn::detail
