// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/shared/waiting_request.hpp>

namespace tarn::detail {

template <class Env>
class core_base;

/// Requests that wait for what other threads give back, in lines: one for each tier, and one for
/// blocks above the last. The first of a line looks, all others rest until they are first. So no
/// request is overtaken by a later one of its line.
///
/// Requests of all lines may wait for memory of one limit. Of these the oldest is served first.
///
/// No call is lost: a thread that gives something back publishes it first, by a lock or by a
/// read-modify-write that a look needs too, and asks then whether requests wait. A request enters
/// its line first, and looks then. So the look finds what was given back, or the giver finds the
/// request. A request that was called, and leaves, calls the next.
///
/// The lines take no memory. Complexity of all functions: O(number of lines with requests).
template <class Env>
class waiting_lines {
 public:
  using request = waiting_request<Env>;
  using woken_list = woken_requests<Env>;
  static constexpr std::uint32_t no_line = ~std::uint32_t{0} - 1;

  /// Whether a request waits. relaxed: what the giver published orders it, see above.
  [[nodiscard]] bool any() const noexcept { return count() != 0; }
  [[nodiscard]] std::uint64_t count() const noexcept {
    return count_.load(std::memory_order::relaxed);
  }

  /// Puts a request at the end of its line. Returns: whether it is the only one of all lines.
  [[nodiscard]] bool enter(request& r) noexcept {
    const guard<mutex> hold(lock_);
    const std::uint64_t ticket = tickets_ + 1;
    tickets_ = ticket;
    r.ticket_ = ticket;
    const std::uint64_t epoch = epoch_;
    r.epoch_ = epoch;
    if (request* const head = head_of(r.line_)) {
      request* const before = head->last_;
      r.previous_ = before;
      before->next_ = &r;
      head->last_ = &r;
    } else {
      r.last_ = &r;
      request* const others = heads_;
      r.next_head_ = others;
      heads_ = &r;
    }
    const auto before = count_.load(std::memory_order::relaxed);  // changes only under the lock
    count_.store(before + 1, std::memory_order::relaxed);
    return before == 0;
  }
  /// Takes a request out and calls those that may go on now. Returns: whether it was the last one
  /// of all lines. A request that entered before a fork, in the parent, is in no line of the child.
  [[nodiscard]] bool leave(request& r, woken_list& woken) noexcept {
    const guard<mutex> hold(lock_);
    const std::uint64_t entered = r.epoch_, epoch = epoch_;
    if (entered != epoch) return false;
    if (woken_list* const list = r.woken_in_) list->remove(r);
    unlink(r);
    if (request* const head = head_of(r.line_)) rouse(*head, woken);
    if (request* const oldest = oldest_for_memory()) rouse(*oldest, woken);
    const auto left = count_.load(std::memory_order::relaxed) - 1;
    count_.store(left, std::memory_order::relaxed);
    return left == 0;
  }

  /// Whether the owner of `r` may look: it is the first of its line.
  [[nodiscard]] bool is_first(const request& r) noexcept {
    const guard<mutex> hold(lock_);
    return r.previous_ == nullptr;
  }
  /// Whether it may take memory of the limit: no older request waits for that.
  [[nodiscard]] bool may_grow(const request& r) noexcept {
    const guard<mutex> hold(lock_);
    const request* const oldest = oldest_for_memory();
    return oldest == nullptr || oldest->ticket_ >= r.ticket_;
  }
  /// Whether a request waits in this line; for others, which would overtake it.
  [[nodiscard]] TARN_COLD bool is_taken(std::uint32_t line) noexcept {
    return any() && locked(lock_, [&] { return head_of(line) != nullptr; });
  }
  /// Whether a request waits for memory of the limit.
  [[nodiscard]] TARN_COLD bool memory_is_taken() noexcept {
    return any() && locked(lock_, [&] { return oldest_for_memory() != nullptr; });
  }

  /// To be called after a look in vain. Returns: false if the request was called meanwhile, so its
  /// owner has to look again.
  [[nodiscard]] bool rest(request& r, bool wants_memory) noexcept {
    woken_list woken;
    bool again = false;
    {
      const guard<mutex> hold(lock_);
      const bool gives_way = r.wants_memory_ && !wants_memory;
      r.wants_memory_ = wants_memory;
      again = r.state_.load(std::memory_order::relaxed) == request::called;
      r.state_.store(again ? request::looking : request::asleep, std::memory_order::relaxed);
      // A call for memory that this one had is for the next one now.
      request* const oldest = gives_way ? oldest_for_memory() : nullptr;
      if (oldest != nullptr) rouse(*oldest, woken);
    }
    woken.wake_all();
    return !again;
  }

  /// Calls the requests for which something may be there now: something came home to `line`, or
  /// memory went back to the source (`no_line`).
  TARN_COLD void call(std::uint32_t line) noexcept {
    if (!any()) return;
    woken_list woken;
    {
      const guard<mutex> hold(lock_);
      const request* const oldest = oldest_for_memory();
      for (request* r = heads_; r != nullptr; r = r->next_head_) {
        // One that is looking may have looked too early, wherever it did.
        const bool looks = r->state_.load(std::memory_order::relaxed) != request::asleep;
        if (looks || r == oldest || r->line_ == line) rouse(*r, woken);
      }
    }
    woken.wake_all();
  }
  /// Calls all requests, also those that are not the first: nothing will come any more.
  TARN_COLD void call_all() noexcept {
    if (!any()) return;
    woken_list woken;
    {
      const guard<mutex> hold(lock_);
      for (request* head = heads_; head != nullptr; head = head->next_head_) {
        for (request* r = head; r != nullptr; r = r->next_)
          rouse(*r, woken);
      }
    }
    woken.wake_all();
  }

  // Around a fork. In the child the threads that waited are gone.

  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }
  /// What the core has to do in the child before it uses its tiers. Set by the first request, so
  /// that a pool in which none waits has no code for it. Guarded by the gate of the core.
  void (*forget)(core_base<Env>&) noexcept = nullptr;
  void abandon() noexcept {
    heads_ = nullptr;
    const std::uint64_t next = epoch_ + 1;
    epoch_ = next;
    count_.store(0, std::memory_order::relaxed);  // one thread is left
  }

 private:
  friend woken_list;
  using mutex = typename Env::mutex;
  template <class T>
  using cell = typename Env::template cell<T>;

  // Under the lock.

  TARN_COLD void rouse(request& r, woken_list& woken) noexcept {
    if (r.state_.load(std::memory_order::relaxed) != request::asleep) {
      return r.state_.store(request::called, std::memory_order::relaxed);
    }
    r.state_.store(request::looking, std::memory_order::release);
    if (r.waker_ == nullptr) return Env::wake_one(r.state_);  // here: it may be gone after the lock
    woken.add(r, *this);
  }
  [[nodiscard]] TARN_COLD request* head_of(std::uint32_t line) noexcept {
    request* r = heads_;
    while (r != nullptr && r->line_ != line)
      r = r->next_head_;
    return r;
  }
  /// Of the first ones of all lines: a later one of a line is younger than its first.
  [[nodiscard]] TARN_COLD request* oldest_for_memory() noexcept {
    request* oldest = nullptr;
    for (request* r = heads_; r != nullptr; r = r->next_head_) {
      if (r->wants_memory_ && (oldest == nullptr || r->ticket_ < oldest->ticket_)) oldest = r;
    }
    return oldest;
  }
  void unlink(request& r) noexcept {
    request* const before = r.previous_;
    request* const after = r.next_;
    if (before != nullptr) {
      before->next_ = after;
      if (after != nullptr) {
        after->previous_ = before;
      } else {
        head_of(r.line_)->last_ = before;
      }
      return;
    }
    request* const others = r.next_head_;
    request* replacement = others;
    if (after != nullptr) {
      request* const last = r.last_;
      after->previous_ = nullptr;
      after->last_ = last;
      after->next_head_ = others;
      replacement = after;
    }
    if (heads_ == &r) {
      heads_ = replacement;
      return;
    }
    request* other = heads_;
    while (other->next_head_ != &r)
      other = other->next_head_;
    other->next_head_ = replacement;
  }

  mutex lock_;                     // taken last of all
  cell<request*> heads_{nullptr};  // the first of each line, in no order
  cell<std::uint64_t> tickets_{0};
  cell<std::uint64_t> epoch_{0};  // forks that left the requests in the parent
  typename Env::template atomic<std::uint64_t> count_{0};
};

}  // namespace tarn::detail
