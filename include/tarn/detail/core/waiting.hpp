// SPDX-License-Identifier: MIT
#pragma once

// How requests begin and end to wait. bounds/await.hpp has what they do meanwhile.

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// While a request waits, no put is a hit: each comes to the lock of its tier, and calls. The gate
/// is held until that is so, so no request looks too early.
template <class Config>
void core<Config>::begin_waiting(request_type& r) noexcept {
  if constexpr (Config::times_waits) r.began = env::now();
  {
    const guard<lock_type> hold(gate_);
    waiting().forget = [](core_base<env>& c) noexcept { static_cast<core&>(c).forget_waiting(); };
    if (waiting().enter(r)) front::divert(*this, true);
  }
  front::begin_waiting(*this);
  source_.announce();
}

template <class Config>
void core<Config>::end_waiting(request_type& r) noexcept {
  if constexpr (Config::times_waits) note_wait(r.began);  // first: a call may run coroutines
  typename waiting_lines<env>::woken_list woken;
  {
    const guard<lock_type> hold(gate_);
    if (waiting().leave(r, woken)) front::divert(*this, false);
  }
  woken.wake_all();
}

/// Takes the shards off the hit path, as if the slot were kept out of line, or puts them back.
template <class Config>
void core<Config>::publish_place(bool open) noexcept {
  {
    const guard<lock_type> hold(shard_lock_);
    if (this->closed()) return;  // `close` publishes slot 0, after this
    // relaxed, both: as in `close`.
    own_place_.store(env::word_of(*this->registry_, open ? this->slot_number_ : 0),
                     std::memory_order::relaxed);
  }
  this->observers_.ask([&](bool) { publish_hot_place(); });
}

/// In a fork's child, all locks held: no thread waits any more.
template <class Config>
void core<Config>::forget_waiting() noexcept {
  waiting().abandon();
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    auto& t = tiers_[i];
    t.home.waited = false;
    front::end_waiting(t);
    refit(t);
  }
  if (!front::has_shards || this->closed()) return;
  // relaxed: one thread is left.
  const auto word = env::word_of(*this->registry_, this->slot_number_);
  own_place_.store(word, std::memory_order::relaxed);
  publish_hot_place();
}

}  // namespace tarn::detail
