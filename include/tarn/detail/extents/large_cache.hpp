// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/extents/kept_extents.hpp>

namespace tarn::detail {

/// The extents of idle blocks above the last tier. It finds the extent that serves a request, and
/// those that no get needed lately. Guarded by its owner; no call walks all of them.
class large_cache {
 public:
  /// A pass over the kept extents. It goes on from where it was, even if extents come and go
  /// meanwhile.
  struct sweep {
    bool is_busy = false;
    extent* at = nullptr;     // the next extent to look at
    std::uint64_t tick = 0;   // extents that came in it or later were needed
    std::size_t left = 0;     // bytes of extents not needed that may still stay
    std::size_t allowed = 0;  // bytes of all extents that may still stay
    std::uint64_t away = 0;   // blocks that were taken out and are not settled
    std::size_t away_bytes = 0;
  };
  /// Extents that a sweep took out count as kept until they are settled.
  struct numbers {
    std::uint64_t kept = 0;
    std::size_t kept_bytes = 0;
    std::uint64_t purged = 0;
    std::size_t purged_bytes = 0;
  };

  [[nodiscard]] const numbers& count() const noexcept { return count_; }

  void put(extent* e) noexcept {
    ++count_.kept;
    count_.kept_bytes += e->bytes;
    keep(e);
  }

  /// Takes out the best fit. Returns: null if nothing fits. A block of more than `most_waste` times
  /// the request does not fit.
  [[nodiscard]] extent* take_best(std::size_t bytes, std::size_t alignment,
                                  std::size_t most_waste) noexcept {
    extent* const kept = kept_.best(bytes, alignment);
    extent* const purged = purged_.best(bytes, alignment);
    // Of two equally good fits, take the one that has its pages.
    const bool is_kept = purged == nullptr || (kept != nullptr && kept->bytes <= purged->bytes);
    extent* const best = is_kept ? kept : purged;
    if (best == nullptr || best->bytes - bytes > bytes * (most_waste - 1)) return nullptr;
    return take(best, is_kept);
  }
  /// Takes out any extent, those with pages first. Returns: null if no extent is kept.
  [[nodiscard]] extent* take_any() noexcept {
    const bool is_kept = kept_.newest() != nullptr;
    extent* const e = is_kept ? kept_.newest() : purged_.newest();
    return e != nullptr ? take(e, is_kept) : nullptr;
  }

  /// Ends a tick. Of the bytes that no get took in the tick, the part that `halvings` leave stays,
  /// and at most `allowed` bytes of all. The sweep takes the rest out. Returns: null if all may
  /// stay, or if too many sweeps are under way.
  [[nodiscard]] sweep* begin(unsigned halvings, std::size_t allowed) noexcept {
    constexpr auto any = ~std::size_t{0};
    const bool is_above = kept_.bytes() > allowed;
    sweep s;
    s.is_busy = true;
    s.at = is_above ? kept_.newest() : unused_;
    s.tick = tick_;
    s.left = halvings < 64 ? unused_bytes_ >> halvings : 0;
    s.allowed = is_above ? allowed : any;
    const bool stays = !is_above && unused_bytes_ <= s.left;
    unused_ = kept_.newest();
    unused_bytes_ = kept_.bytes();
    ++tick_;
    if (stays) return nullptr;
    for (auto& place : sweeps_) {
      if (!place.is_busy) return &(place = s);
    }
    return nullptr;
  }
  /// Looks at some more extents, from the newest to the oldest, and takes out those that have to
  /// go: the chain `gone`, which belongs to the caller. Returns: false when all extents are seen
  /// and settled; the sweep has ended then.
  [[nodiscard]] bool take_out(sweep& s, extent*& gone) noexcept {
    gone = nullptr;
    for (int looks = 0; s.at != nullptr && looks != most_looks; ++looks) {
      auto* const e = s.at;
      const bool needed = e->tick >= s.tick;
      if (e->bytes <= s.allowed && (needed || e->bytes <= s.left)) {
        s.allowed -= e->bytes;
        if (!needed) s.left -= e->bytes;
        s.at = e->next;
        continue;
      }
      unkeep(e);
      ++s.away;
      s.away_bytes += e->bytes;
      e->next = gone;
      gone = e;
    }
    if (s.at != nullptr || gone != nullptr) return true;
    s = {};
    return false;
  }
  enum class fate : unsigned char { stays, stays_purged, goes };
  /// Decides on an extent that a sweep took out.
  void settle(sweep& s, extent* e, fate what) noexcept {
    --s.away;
    s.away_bytes -= e->bytes;
    if (what == fate::stays) return keep(e);
    if (what == fate::goes) return uncount(e);
    ++count_.purged;
    count_.purged_bytes += e->bytes;
    purged_.push(e);
  }

  /// In a fork's child: extents that other threads had taken out are no longer kept.
  void abandon() noexcept {
    for (auto& s : sweeps_) {
      count_.kept -= s.away;
      count_.kept_bytes -= s.away_bytes;
      s = {};
    }
  }

 private:
  static constexpr std::size_t most_sweeps = 4;
  static constexpr int most_looks = 64;

  void keep(extent* e) noexcept {
    e->tick = tick_;
    kept_.push(e);
  }
  void unkeep(extent* e) noexcept {
    if (e->tick != tick_) unused_bytes_ -= e->bytes;
    if (e == unused_) unused_ = e->next;
    for (auto& s : sweeps_) {
      if (s.at == e) s.at = e->next;
    }
    kept_.remove(e);
  }
  [[nodiscard]] extent* take(extent* e, bool is_kept) noexcept {
    if (is_kept) {
      unkeep(e);
    } else {
      --count_.purged;
      count_.purged_bytes -= e->bytes;
      purged_.remove(e);
    }
    uncount(e);
    return e;
  }
  void uncount(const extent* e) noexcept {
    --count_.kept;
    count_.kept_bytes -= e->bytes;
  }

  numbers count_;
  kept_extents kept_;
  kept_extents purged_;           // kept without their pages
  extent* unused_ = nullptr;      // the newest of the extents kept since before the last tick
  std::size_t unused_bytes_ = 0;  // bytes of that extent and all older ones
  std::uint64_t tick_ = 0;        // goes up with each tick
  sweep sweeps_[most_sweeps];     // the sweeps under way
};

}  // namespace tarn::detail
