// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/core_base.hpp>
#include <tarn/detail/guard.hpp>
#include <tarn/detail/thread_table.hpp>

namespace tarn::detail {

/// All cores and the slots by which threads find their shards. One per program, never destroyed.
///
/// Lock order: registry, then core, never back. A slot is given out again only when no thread is
/// attached to it: each thread lowers that number after it has nulled its own entry.
template <class Env>
class registry {
 public:
  constexpr registry() noexcept = default;

  /// Makes `core` known. Returns: its slot; 0 if it wants none or none is free.
  [[nodiscard]] std::uint32_t enroll(core_base<Env>& core, bool wants_slot) noexcept {
    const guard<mutex> hold(lock_);
    core.next_ = cores_;
    if (cores_ != nullptr) cores_->previous_ = &core;
    cores_ = &core;
    if (!wants_slot) return 0;
    // The lowest free one: threads' tables stay small, however many pools come and go.
    for (std::uint32_t number = 1; number != max_slots; ++number) {
      auto& free = records_[number];
      if (free.core == nullptr && free.attached == 0) {
        free.core = &core;
        return number;
      }
    }
    return 0;
  }

  /// Forgets `core`, which is about to be freed. Nobody can pin it any more.
  void retire(core_base<Env>& core, std::uint32_t slot) noexcept {
    const guard<mutex> hold(lock_);
    if (core.next_ != nullptr) core.next_->previous_ = core.previous_;
    (core.previous_ != nullptr ? core.previous_->next_ : cores_) = core.next_;
    if (slot != 0) records_[slot].core = nullptr;
  }

  /// Counts the calling thread in. Undone by `detach`.
  void attach(std::uint32_t slot) noexcept {
    const guard<mutex> hold(lock_);
    ++records_[slot].attached;
  }

  void detach(std::uint32_t slot) noexcept {
    const guard<mutex> hold(lock_);
    --records_[slot].attached;
  }

  /// Tells all threads that there is something to follow: a closed core, a drain.
  void give_order() noexcept {
    // (1) release, pairs with (2): who sees the number sees what was ordered before it.
    orders_.fetch_add(1, std::memory_order::release);
  }

  /// True if the thread of `table` should call `follow_orders`. Called on every slow path.
  [[nodiscard]] bool has_orders(const thread_table& table) const noexcept {
    // relaxed: a hint; a thread that misses it sees it on its next slow path.
    return orders_.load(std::memory_order::relaxed) != table.seen_orders;
  }

  /// Leaves the shards of closed cores and refreshes the others. No lock may be held.
  void follow_orders(thread_table& table) noexcept {
    table.seen_orders = orders_.load(std::memory_order::acquire);  // (2) pairs with (1)
    visit_shards(table, false);
  }

  void thread_begins() noexcept {
    // relaxed, here and below: a number for budgets, it orders nothing.
    threads_.fetch_add(1, std::memory_order::relaxed);
  }

  /// Leaves all shards. The table stays valid and empty; later calls work on the depots.
  void thread_ends(thread_table& table) noexcept {
    visit_shards(table, true);
    table.release();
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
  void after_fork_in_child(thread_table& own) noexcept {
    for (auto& r : records_)
      r.attached = 0;
    own.find([this](std::uint32_t slot, void*) {
      records_[slot].attached = 1;
      return false;
    });
    for (auto* core = cores_; core != nullptr; core = core->next_) {
      core->abandon_foreign_shards(own.entry(slot_of(*core)));
      core->visits().forget();
      // From within a telling it can't be known who else was at it.
      if (!own.is_telling) core->watchers().forget();
      core->unlock_all();
    }
    threads_.store(own.state == thread_state::alive ? 1 : 0, std::memory_order::relaxed);
    lock_.unlock();
  }

 private:
  using mutex = typename Env::mutex;

  struct record {
    core_base<Env>* core = nullptr;
    std::uint32_t attached = 0;  // threads whose entry for this slot is not null
  };

  [[nodiscard]] std::uint32_t slot_of(const core_base<Env>& core) const noexcept {
    for (std::uint32_t number = 1; number != max_slots; ++number) {
      if (records_[number].core == &core) return number;
    }
    return 0;
  }

  void visit_shards(thread_table& table, bool thread_ends) noexcept {
    table.find([&](std::uint32_t slot, void* shard) {
      core_base<Env>* core = nullptr;
      bool leaving = true;
      {
        const guard<mutex> hold(lock_);
        auto& known = records_[slot];
        // A core that can't be pinned has all blocks home: the shard is empty, or gone with it.
        if (known.core != nullptr && known.core->try_pin()) core = known.core;
        leaving = thread_ends || core == nullptr || core->closed();
        if (leaving) {
          table.set(slot, nullptr);
          --known.attached;
        }
      }
      if (core != nullptr) {  // pinned: user code may run in here
        leaving ? core->leave(shard) : core->refresh(shard);
        core->drop_life();
      }
      return false;
    });
  }

  mutex lock_;
  core_base<Env>* cores_ = nullptr;  // all below but the atomics: guarded by lock_
  record records_[max_slots] = {};
  typename Env::template atomic<std::uint64_t> orders_{0};
  typename Env::template atomic<std::size_t> threads_{0};
};

}  // namespace tarn::detail
