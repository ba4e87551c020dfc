// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>
#include <tarn/detail/system/own_memory.hpp>
#include <tarn/detail/system/rseq.hpp>

namespace tarn::detail {

struct native_env;

/// The caches of one core: one per tier for each processor that the system may have. A thread
/// enters those of the processor it runs on, by a restartable sequence. Where the process has no
/// such sequences, the caches of each processor have a door that one thread at a time goes through,
/// and no thread waits at; a thread chooses it by its own number. So the bound on idle memory holds
/// there, too.
///
/// Only a section changes the word of a cache, unless the caches are *sealed*: sections that begin
/// find none, and all that had begun before were restarted. The caches belong to the thread that
/// sealed them then, which holds `lock`.
template <class Env, class Lock>
class cpu_caches {
 public:
  using cache_type = tier_cache<Env>;

  cpu_caches() noexcept = default;
  cpu_caches(const cpu_caches&) = delete;
  cpu_caches& operator=(const cpu_caches&) = delete;

  /// 0: there are no caches.
  [[nodiscard]] std::uint32_t processors() const noexcept { return processors_; }
  [[nodiscard]] cache_type& of(std::uint32_t processor, std::uint32_t tier) const noexcept {
    return reinterpret_cast<cache_type*>(all_.first + processor * all_.each)[tier];
  }

  // Gets and puts.

  /// Returns: null if there is no block here, or if the section was aborted, or without restartable
  /// sequences. Then `pop_again` may find one. It is not called from here: the hit path needs no
  /// frame without it.
  template <std::uint64_t Mark>
  [[nodiscard]] TARN_FORCE_INLINE void* pop(std::size_t tier) const noexcept {
    return pop_of<Mark>(all_, tier);
  }
  /// Returns: false where `pop` is null. On true the core may be gone.
  [[nodiscard]] TARN_FORCE_INLINE bool push(std::size_t tier, void* block) const noexcept {
    return push_of(all_, tier, block);
  }
  /// The same, but null and false while closed by `open_hot`.
  template <std::uint64_t Mark>
  [[nodiscard]] TARN_FORCE_INLINE void* pop_hot(std::size_t tier) const noexcept {
    return pop_of<Mark>(hot_, tier);
  }
  [[nodiscard]] TARN_FORCE_INLINE bool push_hot(std::size_t tier, void* block) const noexcept {
    return push_of(hot_, tier, block);
  }
  /// As `pop` and `push`, everywhere, and even if the section is aborted some times.
  template <std::uint64_t Mark>
  [[nodiscard]] void* pop_again(std::uint32_t tier) noexcept {
    void* block = nullptr;
    // A section that was aborted may have stored a block here that it did not take.
    return pop_bulk<Mark>(tier, &block, 1) ? block : nullptr;
  }
  [[nodiscard]] bool push_again(std::uint32_t tier, void* block) noexcept {
    return push_bulk(tier, &block, 1) != 0;
  }
  /// Takes `count` blocks, counted with `Mark`, or none. Returns: whether it took them; `blocks` is
  /// not to be used if not.
  template <std::uint64_t Mark>
  [[nodiscard]] bool pop_bulk(std::uint32_t tier, void** blocks, std::size_t count) noexcept {
    return in_turns(
               [&](std::uint32_t at) { return pop_at<Mark>(at, tier, blocks, count, count); }) != 0;
  }
  /// Puts up to `count` blocks. Returns: how many. If it took all the core may be gone.
  [[nodiscard]] std::size_t push_bulk(std::uint32_t tier, void* const* blocks,
                                      std::size_t count) noexcept {
    return in_turns([&](std::uint32_t at) { return push_at(at, tier, blocks, count); });
  }

  /// The blocks in the cache of this processor; 0 if no cache may be entered. A hint: the thread
  /// may move, and others put and get.
  [[nodiscard]] std::uint32_t level(std::uint32_t tier) const noexcept {
    const auto at = here();
    return may_enter(at) ? of(at, tier).level() : 0;
  }

  // Between a cache and the depot. All under the tier's lock.

  struct fill {
    std::uint32_t level = 0;
    std::uint32_t limit = 0;
  };
  /// As `level`, with the most blocks that the cache may hold.
  [[nodiscard]] fill filled(std::uint32_t tier) const noexcept {
    const auto at = here();
    if (!may_enter(at)) return {};
    return {of(at, tier).level(), of(at, tier).limit};
  }
  /// Moves up to `count` blocks in, without counting them. Returns: how many.
  [[nodiscard]] std::size_t move_in(std::uint32_t tier, void* const* blocks,
                                    std::size_t count) noexcept {
    return moving(tier, 1, [&](std::uint32_t at) { return push_at(at, tier, blocks, count); });
  }
  /// Moves up to `count` blocks out.
  [[nodiscard]] std::size_t move_out(std::uint32_t tier, void** blocks,
                                     std::size_t count) noexcept {
    return moving(tier, -1,
                  [&](std::uint32_t at) { return pop_at<0>(at, tier, blocks, 1, count); });
  }

  // Sealing. `lock` is held, unless stated otherwise.

  /// Opens or closes `pop_hot` and `push_hot`. `lock` need not be held.
  void open_hot(bool open) noexcept { set(hot_, by_owner, !open); }
  /// Whether some tiers have no block in a cache. `lock` need not be held.
  [[nodiscard]] bool is_empty(std::uint32_t first, std::uint32_t end) const noexcept {
    for (std::uint32_t i = 0; i != processors_; ++i) {
      for (auto t = first; t != end; ++t) {
        if (of(i, t).level() != 0) return false;
      }
    }
    return true;
  }
  /// Returns: whether the caches belong to the caller now. Otherwise the system has refused to
  /// restart sections, and no thread may look into a cache.
  [[nodiscard]] bool seal() noexcept {
    set(all_, by_seal, true);
    set(hot_, by_seal, true);
    if (restarts_) return owned_ = restart_sections();
    for (std::uint32_t i = 0; i != processors_; ++i) {
      auto& inside = doors_[i].inside;
      // (1) with (2): a thread that was inside has left, and the next one sees the seal.
      for (unsigned turn = 0; inside.exchange(true, std::memory_order::acquire); ++turn)
        Env::pause(turn);
      inside.store(false, std::memory_order::release);
    }
    return true;
  }
  /// Opens the caches again.
  void unseal() noexcept {
    if (stays_sealed_) return;
    set(all_, by_seal, false);
    set(hot_, by_seal, false);
  }
  /// In a fork's child, sealed: the threads that were inside are gone.
  void forget_threads() noexcept {
    for (std::uint32_t i = 0; i != processors_; ++i)
      doors_[i].inside.store(false, std::memory_order::relaxed);  // one thread is left
    // The fork may have copied half of a section.
    if (!owned_) stays_sealed_ = true;
  }
  /// Whether the blocks in the caches are lost for ever.
  [[nodiscard]] bool stays_sealed() const noexcept { return stays_sealed_; }
  /// Sets the most blocks of a tier that each cache may hold. Preconditions: sealed, or new. The
  /// tier's lock is held.
  void set_limit(std::uint32_t tier, std::uint32_t blocks) noexcept {
    for (std::uint32_t i = 0; i != processors_; ++i)
      of(i, tier).limit = blocks;
  }

  // Memory. What no thread uses is not touched, as far as the system has fresh pages.

  /// `room_of(tier)`: blocks that a cache of the tier may hold. Returns: false if there is no
  /// memory. The caches are sealed.
  template <class RoomOf>
  [[nodiscard]] bool make(std::uint32_t tiers, std::uint32_t processors, RoomOf&& room_of,
                          const own_memory& own) noexcept {
    std::size_t rooms = 0;
    for (std::uint32_t t = 0; t != tiers; ++t)
      rooms += room_of(t);
    const auto rounds_each = align_up(rooms * sizeof(round), no_sharing_alignment);
    const auto each = align_up(tiers * sizeof(cache_type), no_sharing_alignment);
    bytes_ = processors * (sizeof(door) + each + rounds_each);
    auto* const memory = static_cast<std::byte*>(own.take(bytes_, no_sharing_alignment));
    if (memory == nullptr) return false;
    doors_ = reinterpret_cast<door*>(memory);
    hot_.first = all_.first = memory + processors * sizeof(door);
    hot_.each = all_.each = each;
    processors_ = processors;
    set(all_, by_seal, true);
    set(hot_, by_seal | by_owner, true);
    auto* rounds = all_.first + processors * each;
    for (std::uint32_t i = 0; i != processors; ++i, rounds += rounds_each) {
      ::new (doors_ + i) door;
      auto* first = reinterpret_cast<round*>(rounds);
      for (std::uint32_t t = 0; t != tiers; first += room_of(t++)) {
        (::new (&of(i, t)) cache_type)->rounds = first;
        if constexpr (!std::is_trivially_default_constructible_v<round>) {
          for (std::uint32_t r = 0; r != room_of(t); ++r)
            ::new (first + r) round{nullptr};
        }
      }
    }
    return true;
  }
  void destroy(const own_memory& own) noexcept {
    if (doors_ != nullptr) own.give(doors_, bytes_, no_sharing_alignment);
    doors_ = nullptr;
  }

 private:
  using round = typename cache_type::template cell<void*>;

  struct alignas(no_sharing_alignment) door {
    typename Env::template atomic<bool> inside{false};  // a thread is; sections don't need it
  };

  static constexpr bool may_restart = has_rseq && std::is_same_v<Env, native_env>;
  // The layout that sections know; see rseq_slots.hpp.
  static_assert(!may_restart || (sizeof(cache_type) == 32 && offsetof(cache_type, rounds) == 8 &&
                                 offsetof(cache_type, limit) == 16 && level_mask == 0x3ff));

  /// A thread that is single-stepped, or gets signals all the time, is aborted each time. It works
  /// on the depot then.
  static constexpr unsigned most_turns = 8;

  // Why no thread may enter, above the count of `rseq_slots`.
  static constexpr std::uint64_t by_seal = std::uint64_t{1} << 32;
  static constexpr std::uint64_t by_owner = std::uint64_t{1} << 33;

  [[nodiscard]] static std::uint32_t open_in(std::uint64_t count) noexcept {
    return static_cast<std::uint32_t>(count);
  }
  void set(rseq_slots& caches, std::uint64_t reason, bool on) noexcept {
    auto old = caches.count.load(std::memory_order::relaxed);  // a guess
    for (;;) {
      const auto why = (on ? old | reason : old & ~reason) & (by_seal | by_owner);
      // (3) release: a thread that finds the caches open finds them as they were left. Pairs with
      // the loads of a section and of `guarded`.
      if (caches.count.compare_exchange_weak(old, why != 0 ? why : processors_,
                                             std::memory_order::release,
                                             std::memory_order::relaxed))
        return;
    }
  }

  template <std::uint64_t Mark>
  [[nodiscard]] TARN_FORCE_INLINE void* pop_of(const rseq_slots& caches,
                                               std::size_t tier) const noexcept {
    if constexpr (!may_restart) return nullptr;
    return rseq_pop<Mark>(place_, caches, tier * sizeof(cache_type));
  }
  [[nodiscard]] TARN_FORCE_INLINE bool push_of(const rseq_slots& caches, std::size_t tier,
                                               void* block) const noexcept {
    if constexpr (!may_restart) return false;
    return rseq_push(place_, caches, tier * sizeof(cache_type), block);
  }

  /// The processor whose caches the thread may use; at least `processors_` if it may use no cache.
  [[nodiscard]] std::uint32_t here() const noexcept {
    if (restarts_) return rseq_processor(place_);
    return processors_ != 0 ? static_cast<std::uint32_t>(Env::stripe() % processors_) : 0;
  }
  [[nodiscard]] bool may_enter(std::uint32_t at) const noexcept {
    return at < open_in(all_.count.load(std::memory_order::relaxed));  // a hint
  }

  /// Calls `action(at)` until it returns no less than zero. Returns: that, or zero.
  template <class Action>
  [[nodiscard]] std::size_t in_turns(Action&& action) noexcept {
    for (unsigned turn = 0; turn != most_turns; ++turn) {
      const auto at = here();
      if (at >= processors_) break;
      if (const std::ptrdiff_t n = action(at); n >= 0) return static_cast<std::size_t>(n);
    }
    return 0;
  }
  template <class Action>
  [[nodiscard]] std::size_t moving(std::uint32_t tier, std::int64_t sign,
                                   Action&& action) noexcept {
    return in_turns([&](std::uint32_t at) {
      auto& cache = of(at, tier);
      cache.begin_move();
      const std::ptrdiff_t n = action(at);
      cache.end_move(n > 0 ? sign * n : 0);
      return n;
    });
  }
  template <std::uint64_t Mark>
  [[nodiscard]] std::ptrdiff_t pop_at(std::uint32_t at, std::uint32_t tier, void** blocks,
                                      std::size_t least, std::size_t most) noexcept {
    if (restarts_)
      return rseq_pop_bulk<Mark>(place_, all_, at, tier * sizeof(cache_type), blocks, least, most);
    return guarded(at, [&]() -> std::size_t {
      auto& cache = of(at, tier);
      return cache.level() < least ? 0 : cache.template pop_bulk<Mark>(blocks, most);
    });
  }
  [[nodiscard]] std::ptrdiff_t push_at(std::uint32_t at, std::uint32_t tier, void* const* blocks,
                                       std::size_t count) noexcept {
    if (restarts_)
      return rseq_push_bulk(place_, all_, at, tier * sizeof(cache_type), blocks, count);
    return guarded(at, [&] { return of(at, tier).push_bulk(blocks, count); });
  }
  /// Calls `action`, unless another thread is inside: then the depot is nearer. Nothing of the core
  /// is touched after the thread has left.
  template <class Action>
  [[nodiscard]] std::ptrdiff_t guarded(std::uint32_t at, Action&& action) noexcept {
    auto& inside = doors_[at].inside;
    // (1) acquire, pairs with (2) release: one thread at a time, each sees what the last one did.
    if (inside.exchange(true, std::memory_order::acquire)) return 0;
    const auto open = open_in(all_.count.load(std::memory_order::acquire));  // pairs with (3)
    const auto n = open != 0 ? static_cast<std::ptrdiff_t>(action()) : 0;
    inside.store(false, std::memory_order::release);  // (2)
    return n;
  }

  // The hit path reads the first three.
  const rseq_place place_ = thread_rseq::place();
  rseq_slots hot_;  // `count` is 0 while sealed or while the hit path is closed
  rseq_slots all_;  // `count` is 0 while sealed
  const bool restarts_ = may_restart && thread_rseq::works();
  bool owned_ = true;          // the last `seal` succeeded
  bool stays_sealed_ = false;  // the blocks in the caches are lost
  std::uint32_t processors_ = 0;
  door* doors_ = nullptr;
  std::size_t bytes_ = 0;

 public:
  /// Held while the caches are sealed. Taken before the lock of a tier.
  Lock lock;
};

}  // namespace tarn::detail
