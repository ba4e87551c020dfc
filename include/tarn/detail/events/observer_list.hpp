// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/events/observer.hpp>

namespace tarn::detail {

/// The observers of one core. Without observers, telling is one load and a branch, on slow paths.
///
/// No observer is told of what an observer does to pools: so it may use the pool that it watches.
template <class Env>
class observer_list {
 public:
  using watcher_type = observer<Env>;
  static constexpr std::uint32_t most = 8;

  /// `r` knows which threads are telling something.
  explicit observer_list(registry<Env>& r) noexcept : registry_(r) {}
  observer_list(const observer_list&) = delete;
  observer_list& operator=(const observer_list&) = delete;
  ~observer_list() {
    for (std::uint32_t i = 0; i != count_.load(std::memory_order::relaxed); ++i)  // no thread left
      observers_[i]->release();
  }

  /// Puts `w`, with the caller's reference, in the place of `old`, or in a new place if `old` is
  /// null or no longer here. Each event is told to exactly one of both. Returns: false if there is
  /// no place or the pool is closed; nothing has changed then. Else the caller has to `let_go` of
  /// `old`.
  [[nodiscard]] bool add(watcher_type* w, watcher_type* old = nullptr) noexcept {
    const guard<mutex_type> hold(lock_);
    return put(w, old);
  }
  /// As `add`, in the place of the last `w` that was set here; null only takes that out. `old`:
  /// what the caller has to `let_go` of, or null.
  [[nodiscard]] bool set(watcher_type* w, watcher_type*& old) noexcept {
    const guard<mutex_type> hold(lock_);
    old = nullptr;
    for (std::uint32_t i = 0; i != count_.load(std::memory_order::relaxed); ++i) {
      if (observers_[i]->was_set) old = observers_[i];
    }
    if (w == nullptr) return old == nullptr || remove(old);
    w->was_set = true;
    if (put(w, old)) return true;
    old = nullptr;
    return false;
  }

  /// Takes `w` out. Returns: whether it was here; the caller then has to `let_go` of it.
  [[nodiscard]] bool take_out(watcher_type* w) noexcept {
    const guard<mutex_type> hold(lock_);
    return remove(w);
  }

  /// Drops the reference of an observer that was taken out, after all threads that are telling it
  /// something now have finished. It does not wait within a telling: two observers that take each
  /// other out would wait for each other. The caller holds no lock that an observer may want.
  static void let_go(watcher_type* w) noexcept {
    auto& r = *w->told_from;
    for (unsigned turn = 0; !Env::table(r).is_telling && !w->is_unique(); ++turn)
      Env::pause(turn);
    w->release();
  }

  /// Tells all observers that the pool closes and lets them go. No observer is added any more. When
  /// this returns no observer is being told anything, unless it is called within a telling.
  void close() noexcept {
    locked(lock_, [&] { closed_ = true; });
    while (watcher_type* const w = first()) {
      w->on_close();
      const bool was_in = take_out(w);
      w->release();  // the reference from first()
      if (was_in) let_go(w);
    }
    // (2) acquire, pairs with (1). Waits also for threads whose observer was taken out meanwhile.
    for (unsigned turn = 0;
         !Env::table(registry_).is_telling && tellers_.load(std::memory_order::acquire); ++turn) {
      Env::pause(turn);
    }
  }

  /// Whether there is an observer; a hint.
  [[nodiscard]] bool any() const noexcept { return count_.load(std::memory_order::relaxed) != 0; }
  TARN_FORCE_INLINE void tell(const pool_event& what) noexcept {
    // relaxed: an observer that is added or leaves at this moment may hear of it or not.
    if (count_.load(std::memory_order::relaxed) != 0) [[unlikely]]
      tell_all(what);
  }
  /// Calls `action(wanted)` while the list can't change. `wanted`: an observer listens to
  /// operations.
  template <class Action>
  void ask(Action&& action) noexcept {
    const guard<mutex_type> hold(lock_);
    bool wanted = false;
    for (std::uint32_t i = 0; i != count_.load(std::memory_order::relaxed); ++i)
      wanted = wanted || observers_[i]->wants_operations();
    action(wanted);
  }
  /// How often an observer failed to do what it wanted to.
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_.read(); }

  /// To be called around fork.
  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }
  /// In a fork's child, under the lock: no observer is being told anything any more.
  void forget() noexcept {
    tellers_.store(0, std::memory_order::relaxed);  // one thread is left
    for (std::uint32_t i = 0; i != count_.load(std::memory_order::relaxed); ++i)
      observers_[i]->forget();
  }

 private:
  using mutex_type = typename Env::mutex;

  TARN_COLD void tell_all(const pool_event& what) noexcept {
    if (Env::table(registry_).is_telling) return;
    watcher_type* held[most];
    std::uint32_t count = 0;
    {
      const guard<mutex_type> hold(lock_);
      tellers_.fetch_add(1, std::memory_order::relaxed);  // the lock orders it before close
      for (; count != count_.load(std::memory_order::relaxed); ++count) {
        held[count] = observers_[count];
        held[count]->retain();
      }
    }
    Env::table(registry_).is_telling = true;
    for (std::uint32_t i = 0; i != count; ++i) {
      if (!held[i]->on(what)) failures_.add(1);
      held[i]->release();
    }
    Env::table(registry_).is_telling =
        false;  // an observer returns on the thread that it was told on
    tellers_.fetch_sub(1, std::memory_order::release);  // (1)
  }

  // Preconditions of the next three: the lock is held.

  [[nodiscard]] bool put(watcher_type* w, watcher_type* old) noexcept {
    const auto count = count_.load(std::memory_order::relaxed);  // written under the lock
    const auto place = place_of(old);
    if (closed_ || place == most) return false;
    w->told_from = &registry_;
    observers_[place] = w;
    if (place == count) count_.store(count + 1, std::memory_order::relaxed);
    return true;
  }
  [[nodiscard]] bool remove(watcher_type* w) noexcept {
    const auto count = count_.load(std::memory_order::relaxed);
    auto place = place_of(w);
    if (place == count) return false;
    for (; place + 1 != count; ++place)
      observers_[place] = observers_[place + 1];
    count_.store(count - 1, std::memory_order::relaxed);
    return true;
  }
  /// The place of `w`, or the number of observers if it is not here.
  [[nodiscard]] std::uint32_t place_of(const watcher_type* w) const noexcept {
    std::uint32_t place = 0;
    while (place != count_.load(std::memory_order::relaxed) && observers_[place] != w)
      ++place;
    return place;
  }
  /// The first observer, with a reference for the caller; null without observers.
  [[nodiscard]] watcher_type* first() noexcept {
    const guard<mutex_type> hold(lock_);
    if (count_.load(std::memory_order::relaxed) == 0) return nullptr;
    observers_[0]->retain();
    return observers_[0];
  }

  registry<Env>& registry_;
  mutex_type lock_;
  bool closed_ = false;  // guarded by lock_, as observers_ is
  watcher_type* observers_[most] = {};
  typename Env::template atomic<std::uint32_t> tellers_{0};
  shared_counter<Env> failures_;
  typename Env::template atomic<std::uint32_t> count_{0};  // written under lock_
};

}  // namespace tarn::detail
