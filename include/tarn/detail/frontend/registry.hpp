// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/core_base.hpp>
#include <tarn/detail/frontend/thread_table.hpp>

namespace tarn::detail {

/// The core and the threads that use one slot.
template <class Env>
struct slot_record {
  core_base<Env>* core = nullptr;
  std::uint32_t attached = 0;  // threads whose entry for this slot is not null
};

/// All cores of one module and the slots by which threads find their shards. Never destroyed.
///
/// Lock order: registry, then core, never back. A slot is given out again only when no thread is
/// attached to it: each thread lowers that number after it has nulled its own entry.
template <class Env>
class registry {
 public:
  using record = slot_record<Env>;

  /// `records`: `max_slots` of them, which live as long as the registry. They lie apart, so that
  /// they take no room in the program's file.
  constexpr registry(const typename Env::module_type& m, record* records) noexcept
      : module(m), records_(records) {}

  /// How threads find their tables for this registry; used by `Env`.
  typename Env::module_type module;

  /// Makes `core` known, and gives it a slot if it wants one and one is free.
  /// Complexity: O(max_slots / 64).
  void enroll(core_base<Env>& core, bool wants_slot) noexcept {
    const guard<mutex> hold(lock_);
    core.next_ = cores_;
    if (cores_ != nullptr) cores_->previous_ = &core;
    cores_ = &core;
    if (!wants_slot) return;
    // The lowest free slot, so that threads' tables stay small however many pools come and go.
    for (std::uint32_t part = 0; part != parts; ++part) {
      const auto open = ~taken_[part];
      if (open == 0) continue;
      const auto number = part * 64 + static_cast<std::uint32_t>(std::countr_zero(open));
      take(number);
      records_[number].core = &core;
      core.slot_number_ = number;
      return;
    }
  }

  /// Forgets `core`, which is about to be freed. No thread can pin it any more.
  void retire(core_base<Env>& core) noexcept {
    const guard<mutex> hold(lock_);
    if (core.next_ != nullptr) core.next_->previous_ = core.previous_;
    (core.previous_ != nullptr ? core.previous_->next_ : cores_) = core.next_;
    if (core.slot_number_ == 0) return;
    records_[core.slot_number_].core = nullptr;
    free_if_unused(core.slot_number_);
  }

  /// Counts the calling thread as attached to `slot`. Undone by `detach`.
  void attach(std::uint32_t slot) noexcept {
    const guard<mutex> hold(lock_);
    ++records_[slot].attached;
  }

  void detach(std::uint32_t slot) noexcept {
    const guard<mutex> hold(lock_);
    --records_[slot].attached;
    free_if_unused(slot);
  }

  /// Orders all threads that have a shard of `core` to call `follow_orders`, because the core is
  /// closed or drained. Complexity: O(1).
  void give_order(const core_base<Env>& core) noexcept {
    const auto number = give_order();
    // relaxed: it only spares a thread the visit to its other shards. A thread that reads the entry
    // before this store visits all.
    ordered_[number % orders_kept].store(number * max_slots + core.slot_number_,
                                         std::memory_order::relaxed);
  }

  /// True if the calling thread should call `follow_orders`. Called on every slow path.
  [[nodiscard]] bool has_orders() noexcept {
    // relaxed: a hint; a thread that misses it sees it on its next slow path.
    return orders_.load(std::memory_order::relaxed) != Env::table(*this).seen_orders;
  }

  /// Leaves the shards of closed cores and refreshes the others. No lock may be held. Complexity:
  /// O(orders since the thread's last call), at most O(shards of the thread).
  void follow_orders() noexcept {
    auto number = Env::table(*this).seen_orders;
    const auto newest = orders_.load(std::memory_order::acquire);  // (2) with (1)
    Env::table(*this).seen_orders = newest;
    if (newest - number > orders_kept) return visit_shards(false);
    const auto thread = Env::thread();
    while (number != newest) {
      const auto entry = ordered_[++number % orders_kept].load(std::memory_order::relaxed);
      // Not stored yet, or of a newer order.
      if (entry / max_slots != number) return visit_shards(false);
      if (!visit_shard(static_cast<std::uint32_t>(entry % max_slots), thread, false)) return;
    }
  }

  void thread_begins() noexcept {
    // relaxed, here and below: a number for budgets, it orders nothing.
    threads_.fetch_add(1, std::memory_order::relaxed);
  }

  /// Leaves all shards. The table stays valid and empty; later calls work on the depots.
  void thread_ends() noexcept {
    visit_shards(true);
    Env::table(*this).release();
    threads_.fetch_sub(1, std::memory_order::relaxed);
  }

  [[nodiscard]] std::size_t threads() const noexcept {
    return threads_.load(std::memory_order::relaxed);
  }

  /// Calls `action(core)` for every core until it returns true, under the registry lock.
  template <class Action>
  bool find_core(Action&& action) {
    const guard<mutex> hold(lock_);
    for (auto* core = cores_; core != nullptr; core = core->next_) {
      if (action(*core)) return true;
    }
    return false;
  }

  void before_fork() noexcept {
    lock_.lock();
    for (auto* core = cores_; core != nullptr; core = core->next_)
      core->lock_all();
  }

  void after_fork_in_parent() noexcept {
    for (auto* core = cores_; core != nullptr; core = core->next_)
      core->unlock_all();
    lock_.unlock();
  }

  /// Only the forking thread lives on: its shards stay, all others are counted as abandoned.
  void after_fork_in_child() noexcept {
    const auto& own = Env::table(*this);
    // Only taken slots: a record that is written to costs the child a copy of its page.
    for (std::uint32_t part = 0; part != parts; ++part) {
      for (auto left = part == 0 ? taken_[0] & ~std::uint64_t{1} : taken_[part]; left != 0;
           left &= left - 1) {
        const auto slot = part * 64 + static_cast<std::uint32_t>(std::countr_zero(left));
        records_[slot].attached = own.entry(slot) != nullptr ? 1 : 0;
        free_if_unused(slot);
      }
    }
    for (auto* core = cores_; core != nullptr; core = core->next_) {
      core->abandon_foreign_shards(own.entry(core->slot_number_));
      core->visits().forget();
      // Within a telling it is not known which other threads were telling something too.
      if (!own.is_telling) core->observers().forget();
      core->unlock_all();
    }
    threads_.store(own.state == thread_state::alive ? 1 : 0, std::memory_order::relaxed);
    lock_.unlock();
  }

 private:
  using mutex = typename Env::mutex;

  static constexpr std::uint32_t parts = max_slots / 64;
  static constexpr std::uint64_t orders_kept = Env::orders_kept;

  void take(std::uint32_t slot) noexcept { taken_[slot / 64] |= std::uint64_t{1} << slot % 64; }
  void free_if_unused(std::uint32_t slot) noexcept {
    if (records_[slot].core != nullptr || records_[slot].attached != 0) return;
    taken_[slot / 64] &= ~(std::uint64_t{1} << slot % 64);
  }

  /// Orders all threads to visit all their shards. Returns: the number of the order.
  std::uint64_t give_order() noexcept {
    // (1) release, pairs with (2): a thread that sees the number sees what was ordered before it.
    return orders_.fetch_add(1, std::memory_order::release) + 1;
  }

  void visit_shards(bool thread_ends) noexcept {
    const auto thread = Env::thread();
    for (std::uint32_t slot = 0;;) {
      const auto& table = Env::table(*this);
      slot = table.next(slot);
      if (slot >= table.end() || !visit_shard(slot, thread, thread_ends)) return;
    }
  }

  /// Leaves or refreshes the calling thread's shard of a slot, if it has one. User code runs in
  /// here, and a fiber that runs it may continue on another thread than `thread`. Returns: false if
  /// it did. Neither thread has followed all orders then, so there is a new one for both.
  [[nodiscard]] bool visit_shard(std::uint32_t slot, std::uintptr_t thread,
                                 bool thread_ends) noexcept {
    void* const shard = Env::table(*this).entry(slot);
    if (shard == nullptr) return true;
    core_base<Env>* core = nullptr;
    bool leaving = true;
    {
      const guard<mutex> hold(lock_);
      auto& known = records_[slot];
      // A core that can't be pinned has all blocks home: the shard is empty, or freed with the
      // core.
      if (known.core != nullptr && known.core->try_pin()) core = known.core;
      leaving = thread_ends || core == nullptr || core->closed();
      if (leaving) {
        Env::set_entry(*this, slot, nullptr);
        --known.attached;
        free_if_unused(slot);
      }
    }
    if (core == nullptr) return true;
    leaving ? core->leave(shard) : core->renew();
    core->drop_life();  // the pin
    if (Env::thread() == thread) return true;
    give_order();
    return false;
  }

  mutex lock_;
  core_base<Env>* cores_ = nullptr;  // all below but the atomics: guarded by lock_
  record* records_;
  std::uint64_t taken_[parts] = {1};  // slots with a core or an attached thread; 0 is never given
  typename Env::template atomic<std::uint64_t> orders_{0};
  /// The newest orders: `number * max_slots` plus the slot of the core, at `number % orders_kept`.
  typename Env::template atomic<std::uint64_t> ordered_[orders_kept] = {};
  typename Env::template atomic<std::size_t> threads_{0};
};

}  // namespace tarn::detail
