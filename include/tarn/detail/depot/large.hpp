// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>

#include <tarn/detail/depot/extent.hpp>
#include <tarn/detail/guard.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

/// Blocks above the last tier: they pass through to the source, or come from a cache with a byte
/// cap that finds the best fit.
///
/// If there is a cache, or if returns are checked, an address map remembers the true extent of
/// every block that is out. Complexity: O(1) without a cache; with one, a walk over the blocks it
/// keeps (cap / last tier at most). How kept blocks age is in upkeep/age_large.hpp.
template <class Lock>
class large_blocks {
 public:
  /// A kept block serves only requests of at least half its size: a request just above the last
  /// tier never pins a huge one.
  static constexpr std::size_t most_waste = 2;

  struct piece {
    void* block = nullptr;
    std::size_t capacity = 0;
  };

  large_blocks(std::size_t cache_bytes, bool tracks) noexcept
      : cache_bytes_(cache_bytes), tracks_(tracks || cache_bytes != 0) {}
  large_blocks(const large_blocks&) = delete;
  large_blocks& operator=(const large_blocks&) = delete;

  /// Returns: null if there is no memory.
  template <class Source>
  [[nodiscard]] piece take(std::size_t bytes, std::size_t alignment, bool counts, Source& source) {
    if (cache_bytes_ != 0) {
      const guard<Lock> hold(lock_);
      if (extent* const best = take_best(bytes, alignment)) {
        out_.push(best);
        if (counts) ++count_.gets, ++count_.reused, count_.reused_bytes += best->bytes;
        note_out(best->bytes);
        return {best->block, best->bytes};
      }
    }
    extent* const tracked = tracks_ ? new (std::nothrow) extent : nullptr;
    if (tracks_ && tracked == nullptr) return {};
    void* block = nullptr;
    try {
      block = source.allocate(bytes, alignment);
    } catch (...) {  // the caller names the failure itself
    }
    if (block == nullptr) {
      delete tracked;
      return {};
    }
    const guard<Lock> hold(lock_);
    if (tracked != nullptr) {
      *tracked = {block, bytes, alignment, nullptr};
      out_.push(tracked);
    }
    if (counts) ++count_.gets, count_.fresh_bytes += bytes;
    note_out(bytes);
    return {block, bytes};
  }

  /// Takes a block back, of any size from the asked one to its capacity. Returns: whether it was
  /// one; false only if returns are tracked.
  template <class Source>
  [[nodiscard]] bool give(void* block, std::size_t bytes, std::size_t alignment, bool counts,
                          Source& source) noexcept {
    extent* dropped = nullptr;
    {
      const guard<Lock> hold(lock_);
      if (tracks_) {
        extent* const found = out_.pop(block);
        if (found == nullptr) return false;
        bytes = found->bytes;
        alignment = found->alignment;
        if (!closed_ && bytes <= cache_bytes_ && count_.kept_bytes <= cache_bytes_ - bytes) {
          found->next = kept_;
          kept_ = found;
          ++count_.kept;
          count_.kept_bytes += bytes;
        } else {
          dropped = found;
          if (cache_bytes_ != 0) ++count_.discarded, count_.discarded_bytes += bytes;
        }
      }
      if (counts) ++count_.puts;
      --count_.in_use;
      count_.in_use_bytes -= bytes;
    }
    if (tracks_ && dropped == nullptr) return true;
    delete dropped;
    source.deallocate(block, bytes, alignment);
    return true;
  }

  /// The true size of a block that is out; 0 if it is none.
  [[nodiscard]] std::size_t extent_of(const void* block) const noexcept {
    const guard<Lock> hold(lock_);
    const extent* const found = out_.find(block);
    return found != nullptr ? found->bytes : 0;
  }

  /// Gives kept blocks back until at most `to_bytes` are kept. Returns: the bytes given back.
  template <class Source>
  std::size_t trim(std::size_t to_bytes, Source& source) noexcept;

  /// Takes out what should go or lose its pages. It counts as kept until it is settled. Returns: a
  /// chain that is the caller's.
  [[nodiscard]] extent* take_out(const tick_rules& rules) noexcept;
  /// Ends that for one of them: it stays, without `dropped` bytes of its pages, or it goes.
  /// Returns: the bytes given to the source.
  template <class Source>
  std::size_t settle(extent* e, bool stays, std::size_t dropped, Source& source) noexcept;

  /// In a fork's child, locked: what other threads had taken out is kept no more.
  void abandon() noexcept {
    count_.kept = count_.kept_bytes = 0;
    for (const extent* list : {kept_, purged_}) {
      for (; list != nullptr; list = list->next)
        ++count_.kept, count_.kept_bytes += list->bytes;
    }
  }
  /// Keeps nothing from now on.
  template <class Source>
  void close(Source& source) noexcept {
    locked(lock_, [&] { closed_ = true; });
    static_cast<void>(trim(0, source));
  }

  [[nodiscard]] large_snapshot numbers() const noexcept {
    return locked(lock_, [&] { return count_; });
  }
  [[nodiscard]] bool tracks() const noexcept { return tracks_; }
  [[nodiscard]] bool keeps() const noexcept { return cache_bytes_ != 0; }
  [[nodiscard]] Lock& lock() noexcept { return lock_; }

 private:
  void note_out(std::size_t bytes) noexcept {
    ++count_.in_use;
    count_.in_use_bytes += bytes;
    most_out_ = max_of(most_out_, count_.in_use_bytes);
  }

  [[nodiscard]] extent* take_best(std::size_t bytes, std::size_t alignment) noexcept {
    extent** best = nullptr;
    extent** from = nullptr;
    // Those that have their pages first.
    for (extent** list : {&kept_, &purged_}) {
      for (extent** place = list; *place != nullptr; place = &(*place)->next) {
        const extent& n = **place;
        if (n.bytes < bytes || n.bytes / most_waste > bytes || n.alignment < alignment) continue;
        if (best == nullptr || n.bytes < (*best)->bytes) best = place, from = list;
      }
    }
    return best != nullptr ? unlink(best, from) : nullptr;
  }

  /// Takes the block at `place` of `list` out: it is kept no more.
  [[nodiscard]] extent* unlink(extent** place, extent* const* list) noexcept {
    auto* const found = *place;
    *place = found->next;
    if (found == unused_) unused_ = found->next;
    --count_.kept;
    count_.kept_bytes -= found->bytes;
    if (list == &purged_) --count_.kept_purged, count_.kept_purged_bytes -= found->bytes;
    return found;
  }

  template <class Source>
  static std::size_t let_go(extent* n, Source& source) noexcept;

  mutable Lock lock_;
  std::size_t cache_bytes_;  // immutable
  bool tracks_;              // immutable: extents of blocks that are out are known
  bool closed_ = false;      // this and the rest: lock_
  large_snapshot count_;
  extent* kept_ = nullptr;    // the newest first
  extent* unused_ = nullptr;  // of those, the first that is there since the last tick
  extent* purged_ = nullptr;  // kept without their pages
  std::size_t most_out_ = 0;  // bytes in use since the last tick, at most
  std::size_t peak_ = 0;      // and lately
  extent_map out_;
};

}  // namespace tarn::detail
