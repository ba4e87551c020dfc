// SPDX-License-Identifier: MIT
#pragma once

// Blocks that were given back and stay out of reach for a while.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/base/tier_lookup.hpp>
#include <tarn/detail/depot/tier_counts.hpp>
#include <tarn/value/basic/checked_block.hpp>

namespace tarn::detail {

template <class Config>
class core;

/// The part of a core that keeps blocks out of reach: a queue of at most `Blocks` blocks and
/// `Bytes` bytes, for all threads. A block that comes in counts as put and as idle. The oldest ones
/// go home to make room for it.
///
/// The core's gate guards the queue. Under it no other lock is taken, and no code of a user's runs.
/// A block on its way home is in no list. It counts as a departure of the core, so that a get that
/// finds nothing waits for it.
template <class Config, std::size_t Blocks, std::size_t Bytes>
class detention {
  struct entry {
    void* block = nullptr;
    std::uint32_t tier = 0;
  };

 public:
  /// Takes a block that comes home. Returns: false if it is to go home at once; nothing has changed
  /// then. Preconditions: the block, not yet home, keeps the core.
  template <class Product>
  [[nodiscard]] bool detain(Product& product, std::uint32_t tier, void* block) noexcept {
    core<Config>& c = product;
    if (c.shape_of(tier).stride > Bytes || c.closed() || c.waiting().any()) return false;
    c.pin();
    // First: once it is in the queue, another thread may hand it out.
    c.with_recorder([&](auto& recorder) { c.note_put(recorder, tier, block); });
    auto& t = c.tiers_[tier];
    locked(t.lock, [&] { core<Config>::front::count_put(c, t); });
    enter({block, tier}, report_by<Product>);
    c.drop_life();
    return true;
  }

  /// Gives all blocks home that are here now. No lock is held; the caller keeps the core. Returns:
  /// whether there were any.
  bool end_detention() noexcept {
    std::size_t gone = 0;
    for (entry oldest; gone != Blocks && pop_any(oldest); ++gone)
      go_home(oldest);
    return gone != 0;
  }

  /// Calls `look()`, which looks for blocks. If it finds too few, gives all detained blocks home
  /// and calls it again. Returns: what `look()` returned last: a block, or whether it got all.
  template <class Look>
  [[nodiscard]] auto search(Look&& look) {
    // One block is not found only while all are in use. Many may be taken by others in between.
    constexpr bool is_for_many = std::is_same_v<decltype(look()), bool>;
    for (bool first = true;; first = false) {
      const auto arrived = self().slabs_.arrived.load(std::memory_order::acquire);  // (1)
      auto got = look();
      if constexpr (is_for_many) {
        if (got || !first) return got;
      } else {
        if (got.block != nullptr) return got;
      }
      if (!end_detention() &&
          !self().slabs_.template await<typename Config::lock>(arrived)) {  // pairs with (1)
        return got;
      }
    }
  }

  /// The blocks of a tier that are here.
  [[nodiscard]] std::uint64_t detained_of(std::uint32_t tier) const noexcept {
    return counts_[tier].load(std::memory_order::relaxed);  // a statistic
  }

 private:
  using report_function = void (*)(core<Config>&, misuse, const void*, std::size_t) noexcept;

  template <class Product>
  static void report_by(core<Config>& c, misuse kind, const void* block,
                        std::size_t size) noexcept {
    static_cast<Product&>(c).report(kind, block, size);
  }
  [[nodiscard]] core<Config>& self() noexcept { return static_cast<core<Config>&>(*this); }

  void enter(const entry& added, report_function report) noexcept {
    auto& c = self();
    for (bool opens = true; opens;) {
      entry gone = added;
      {
        const guard<typename Config::lock> hold(c.gate_);
        report_ = report;
        // Once the core is closed, the thread that closed it may have looked here already.
        // A request that waits entered its line first, and looks here then. So the look finds this
        // block, or this thread finds the request, and the block goes to it.
        opens = !c.closed() && !c.waiting().any();
        if (opens && fits(added)) return push(added);
        if (opens) gone = pop();
        c.slabs_.leave();
      }
      go_home(gone);
    }
  }

  // Under the lock.

  [[nodiscard]] std::size_t bytes_of(const entry& e) noexcept {
    return self().shape_of(e.tier).stride;
  }
  [[nodiscard]] bool fits(const entry& e) noexcept {
    return count_ != Blocks && bytes_of(e) <= Bytes - bytes_;
  }
  void push(const entry& e) noexcept {
    queue_[(first_ + count_++) % Blocks] = e;
    bytes_ += bytes_of(e);
    counts_[e.tier].fetch_add(1, std::memory_order::relaxed);  // a statistic
  }
  [[nodiscard]] entry pop() noexcept {
    const entry e = queue_[first_];
    first_ = (first_ + 1) % Blocks;
    --count_;
    bytes_ -= bytes_of(e);
    counts_[e.tier].fetch_sub(1, std::memory_order::relaxed);
    return e;
  }
  [[nodiscard]] bool pop_any(entry& gone) noexcept {
    auto& c = self();
    const guard<typename Config::lock> hold(c.gate_);
    if (count_ == 0) return false;
    gone = pop();
    c.slabs_.leave();
    return true;
  }

  /// Takes a block home that left the queue, and reports a write to it. No lock is held.
  void go_home(const entry& gone) noexcept {
    auto& c = self();
    auto& t = c.tiers_[gone.tier];
    const check_finding found = finding(gone);
    if (core<Config>::front::put_ready(c, gone.tier, gone.block)) {
      c.slabs_.arrive();  // first: what follows may call code of a user's
      c.waiting().call(gone.tier);
      if (locked(t.lock, [&] { return t.home.ready() > c.ready_to_keep(t); })) {
        c.evict_excess(gone.tier);
      }
    } else if (c.settings_.keeps_objects) {
      c.slabs_.arrive();  // first: a destructor may want an object
      c.bring_home(gone.tier, gone.block);
    } else {
      c.park_by(gone.tier, [&](auto& tier, auto& whole) {
        if (!tier.home.closed) tier.home.count.left(evict_reason::bound, 1);
        c.park(tier, gone.block, whole);
        c.slabs_.arrive();
      });
    }
    if (found) report_(c, found.kind(), gone.block, t.home.shape.size);
  }
  [[nodiscard]] check_finding finding(const entry& e) noexcept {
    using parts = typename core<Config>::checks_type::parts;
    if constexpr (parts::watch_idle) {
      auto& c = self();
      auto* const s = c.find_slab(e.block);
      const auto index = s->index_of(e.block);
      if (!s->end_left(index)) return {};
      const check_finding found = parts::on_release(e.block, c.shape_of(e.tier).size);
      if (!found) s->set_left(index);  // else the next get would report it again
      return found;
    }
    return {};
  }

  entry queue_[Blocks];  // a ring
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  typename Config::env::template atomic<std::uint32_t> counts_[max_tiers + 1] = {};
  report_function report_ = nullptr;
};

}  // namespace tarn::detail
