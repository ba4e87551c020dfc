// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/events/observer_list.hpp>
#include <tarn/detail/events/refusals.hpp>
#include <tarn/detail/events/visits.hpp>

namespace tarn::detail {

template <class Env>
class registry;

/// The part of a core that the registry uses: to keep the core alive for a moment, and to call it.
///
/// `life` counts what still needs the core: the pool object, every tier with a block that is not
/// home (and every tier of an open pool), and pins. The thread that takes it to zero frees the
/// core.
template <class Env>
class core_base {
 public:
  using observers_type = observer_list<Env>;

  explicit core_base(std::uint32_t life) noexcept
      : registry_(&Env::registry()), observers_(*registry_), life_(life) {}
  core_base(const core_base&) = delete;
  core_base& operator=(const core_base&) = delete;
  virtual ~core_base() = default;

  /// Empties a shard of the calling thread and hands it to the next thread. Pinned, no lock held.
  virtual void leave(void* shard) noexcept = 0;
  /// Follows a drain or a changed budget: the calling thread keeps its shard. Pinned, no lock held.
  virtual void renew() noexcept = 0;
  /// To be called around fork, under the registry lock.
  virtual void lock_all() noexcept = 0;
  virtual void unlock_all() noexcept = 0;
  /// In a fork's child, all locks held: abandons all shards but `own`, whose threads are gone.
  virtual void abandon_foreign_shards(void* own) noexcept = 0;
  /// True if `p` points into a slab of this core. Under the registry lock.
  [[nodiscard]] virtual bool contains(const void* p) const noexcept = 0;

  /// The registry of the module that made this core, whichever module calls.
  [[nodiscard]] detail::registry<Env>& home_registry() const noexcept { return *registry_; }
  /// The observers that are told what the core does.
  [[nodiscard]] observer_list<Env>& observers() noexcept { return observers_; }
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order::acquire); }

  /// Counts a request for `size` bytes that got nothing, and tells observers. No lock is held.
  TARN_COLD void refuse(refusal why, std::uint32_t tier, std::size_t size) noexcept {
    refusals_.add(why);
    observers_.tell({pool_event_kind::refuse, tier, size, static_cast<std::size_t>(why), nullptr});
  }
  [[nodiscard]] const refusal_counts<Env>& refusals() const noexcept { return refusals_; }

  /// Visits of the pool object from outside. They end with the pool object, before the core.
  [[nodiscard]] detail::visits<Env>& visits() noexcept { return visits_; }

  /// Keeps the core alive. Returns: false if it is already being freed.
  [[nodiscard]] bool try_pin() noexcept {
    auto life = life_.load(std::memory_order::relaxed);  // only a guess; the exchange decides
    while (life != 0) {
      // relaxed: the registry lock, under which pins are taken, orders what the core holds.
      if (life_.compare_exchange_weak(life, life + 1, std::memory_order::relaxed,
                                      std::memory_order::relaxed)) {
        return true;
      }
    }
    return false;
  }

  /// Keeps the core alive. Preconditions: something else keeps it alive now.
  void pin() noexcept {
    life_.fetch_add(1, std::memory_order::relaxed);  // relaxed: what keeps it alive now orders it
  }

  /// Drops `count` lives of the core, and frees it with the last one. No lock may be held.
  void drop_life(std::uint32_t count = 1) noexcept {
    // release: what this thread did to the core happens before its end.
    // acquire: the thread that ends it does so after all others. Pairs with itself.
    if (life_.fetch_sub(count, std::memory_order::acq_rel) == count) end();
  }

 protected:
  /// Frees the core, which can be reached only through the registry by now.
  virtual void end() noexcept = 0;

  /// Set once, under the shard lock; read on slow paths. (release and acquire pair with each other:
  /// a thread that sees it by an order also sees the slot that was taken away before.)
  typename Env::template atomic<bool> closed_{false};
  detail::registry<Env>* registry_;  // immutable
  observer_list<Env> observers_;

 private:
  friend detail::registry<Env>;
  typename Env::template atomic<std::uint32_t> life_;
  detail::visits<Env> visits_;
  refusal_counts<Env> refusals_;
  core_base* next_ = nullptr;  // both links: guarded by the registry lock
  core_base* previous_ = nullptr;

 protected:
  std::uint32_t slot_number_ = 0;  // set once, when the registry learns of the core; 0: no slot
  /// Requests below this size go straight to their tier; 0 if something must be done first. It lies
  /// at the end, beside the core's slot, for the hit path. It changes only as observers come and
  /// go. relaxed: observers hear of a request that misses a change a moment late.
  typename Env::template atomic<std::size_t> hot_end_{0};
};

}  // namespace tarn::detail
