// SPDX-License-Identifier: MIT
#pragma once

// How a get waits at a bound until other threads give back what it needs.

#include <tarn/detail/base/deadline.hpp>
#include <tarn/detail/bounds/bounds.hpp>

namespace tarn::detail {

/// The place of a request in its line, for one scope.
template <class Core>
class waiting_place {
 public:
  waiting_place(Core& core, typename Core::request_type& request) noexcept
      : core_(core), request_(request) {
    core_.begin_waiting(request_);
  }
  waiting_place(const waiting_place&) = delete;
  waiting_place& operator=(const waiting_place&) = delete;
  ~waiting_place() { core_.end_waiting(request_); }

 private:
  Core& core_;
  typename Core::request_type& request_;
};

/// Whether a get of `tier`, or of `bytes` bytes above the last tier, can ever be served by what
/// others give back.
template <class Config>
bool bounds<Config>::may_wait(const core_type& c, std::uint32_t tier, std::size_t bytes) noexcept {
  const auto& s = c.settings_;
  if (s.capacity == core_settings::no_limit && s.limit_bytes == core_settings::no_limit)
    return false;
  if (tier < c.tiers()) {
    if (s.capacity == 0) return false;
    bytes = c.shape_of(tier).slab_bytes;
  }
  return bytes <= max_size && bytes <= c.source_.limit() && !c.closed();
}

/// Looks once for a request that waits, by `look(turn)`, which returns whether it got what it
/// wants, and may throw. The request is asleep after it if the result is `waits`.
template <class Config>
template <class Look>
auto bounds<Config>::look_again(core_type& c, typename core_type::request_type& r,
                                std::uint32_t tier, std::size_t bytes, search& past, Look&& look)
    -> found {
  const auto line = tier < c.tiers() ? tier : no_tier;
  for (;; env::pause(past.looks++)) {
    if (c.closed()) return found::nothing;
    bool wants_memory = false;
    if (c.waiting().is_first(r)) {
      const auto whose = c.waiting().may_grow(r) ? turn::all : turn::home;
      const bool is_limited = c.source_.limit() != core_settings::no_limit;
      const bool is_armed = core_type::front::arm(c, line, is_limited);
      if (look(whose)) return found::block;
      auto why = failure(c, tier, bytes);
      if (whose == turn::home && why == refusal::source) why = refusal::limit;
      wants_memory = why != refusal::capacity;
      // A source that has nothing calls no request: it is asked some times more.
      if (why == refusal::source && ++past.refusals == most_source_refusals) return found::nothing;
      if (why == refusal::source && env::now() < past.deadline) continue;
      // Idle blocks of other tiers, where a put would not be heard.
      if (!is_armed) {
        if (is_limited) c.reclaim();
        continue;
      }
    }
    if (c.waiting().rest(r, wants_memory)) return found::waits;
  }
}

/// Calls `look(turn)` until it returns true, and lets the thread sleep in between. Returns: false
/// if the deadline passed first, if the core was closed, or if nothing that others give back can
/// help.
template <class Config>
template <class Look>
bool bounds<Config>::await(core_type& c, std::uint32_t tier, std::size_t bytes,
                           std::int64_t deadline, Look&& look) {
  // Without a wait no other thread is to be bothered.
  if (deadline == wait_never || deadline <= env::now() || !may_wait(c, tier, bytes)) return false;
  typename core_type::request_type r(tier < c.tiers() ? tier : no_tier);
  const waiting_place<core_type> place(c, r);
  search past{deadline};
  for (;;) {
    const auto got = look_again(c, r, tier, bytes, past, look);
    if (got != found::waits) return got == found::block;
    if (!r.template sleep_until<typename core_type::lock_type>(deadline)) return false;
    past.looks = past.refusals = 0;
  }
}

}  // namespace tarn::detail
