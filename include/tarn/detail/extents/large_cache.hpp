// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/extents/kept_extents.hpp>

namespace tarn::detail {

/// The extents of idle blocks above the last tier: which one serves a request, which ones nobody
/// needed lately. Guarded by its owner; nothing is walked in one call.
class large_cache {
 public:
  /// A pass over what is kept. It goes on from where it was, whatever comes and goes meanwhile.
  struct sweep {
    bool is_busy = false;
    extent* at = nullptr;     // the next to look at
    std::uint64_t tick = 0;   // what came in it, or later, was needed
    std::size_t left = 0;     // bytes that may stay of what was not needed
    std::size_t allowed = 0;  // and of all
    std::uint64_t away = 0;   // blocks that were taken out and are not settled
    std::size_t away_bytes = 0;
  };
  /// What a sweep took out counts as kept until it is settled.
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

  /// Takes the best fit out; null if there is none. A block of more than `most_waste` times the
  /// request is none.
  [[nodiscard]] extent* take_best(std::size_t bytes, std::size_t alignment,
                                  std::size_t most_waste) noexcept {
    extent* const kept = kept_.best(bytes, alignment);
    extent* const purged = purged_.best(bytes, alignment);
    // Of two that fit as well the one that has its pages.
    const bool is_kept = purged == nullptr || (kept != nullptr && kept->bytes <= purged->bytes);
    extent* const best = is_kept ? kept : purged;
    if (best == nullptr || best->bytes - bytes > bytes * (most_waste - 1)) return nullptr;
    return take(best, is_kept);
  }
  /// Takes one out, those with pages first; null if there is none.
  [[nodiscard]] extent* take_any() noexcept {
    const bool is_kept = kept_.newest() != nullptr;
    extent* const e = is_kept ? kept_.newest() : purged_.newest();
    return e != nullptr ? take(e, is_kept) : nullptr;
  }

  /// A tick is over. Of the bytes that no get took in it stays the part that `halvings` leave, and
  /// `allowed` bytes of all; what goes is for the sweep to take out. Returns: null if nothing goes,
  /// or if several others are at it.
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
  /// Looks at some more, from the newest to the oldest, and takes out what goes: a chain that is
  /// the caller's. Returns: false when all are seen and settled; the sweep has ended then.
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
  /// Decides on one of them.
  void settle(sweep& s, extent* e, fate what) noexcept {
    --s.away;
    s.away_bytes -= e->bytes;
    if (what == fate::stays) return keep(e);
    if (what == fate::goes) return uncount(e);
    ++count_.purged;
    count_.purged_bytes += e->bytes;
    purged_.push(e);
  }

  /// In a fork's child: what other threads had taken out is kept no more.
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
  extent* unused_ = nullptr;      // of the kept, the newest that is there since the last tick
  std::size_t unused_bytes_ = 0;  // of that and all that are older
  std::uint64_t tick_ = 0;        // goes up with each tick
  sweep sweeps_[most_sweeps];     // those that are under way
};

}  // namespace tarn::detail
