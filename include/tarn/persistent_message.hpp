// SPDX-License-Identifier: MIT
//
// persistent_message: a message that is made once and never goes back, behind the same handles as
// pooled ones.
//
//   using pool_type = tarn::message_pool<order>;
//   inline tarn::immortal<tarn::persistent_message<pool_type>> heartbeat(order{.id = 0});
//   sinks[0] = heartbeat->share();               // a pool_type::shared, like any other

#pragma once

#include <concepts>
#include <span>
#include <utility>

#include <tarn/detail/base/access.hpp>
#include <tarn/fwd.hpp>
#include <tarn/message_handle.hpp>

namespace tarn {

/// A message that no pool owns, for what is sent again and again: a heartbeat, an end mark, an
/// error. Its handles are those of the messages of `Pool`, so no receiver has to tell the two
/// apart. It takes no part in the pool's capacity, statistics and reset, and needs no pool object.
///
/// It is one block of the heap, and holds a reference of its own. So its handles never are the only
/// owner: `unique()` is false, `make_unique()` is empty, and `ref_count()` counts one more. If
/// handles are left when it ends, the message stays for ever: no handle outlives its memory.
///
/// Move-only; empty after a move. Thread safety: any thread may call the const members at the same
/// time; under a lock for one thread, as the pool, only that thread.
template <class Pool>
class persistent_message {
 public:
  using value_type = const typename Pool::value_type;
  using shared = shared_message<Pool>;

  /// Makes the message of `args`. Throws: `std::bad_alloc`; what the message's constructor throws.
  template <class... Args>
    requires std::constructible_from<typename Pool::value_type, Args...>
  explicit persistent_message(Args&&... args)
      : slot_(new slot_type{{}, nullptr, typename Pool::value_type(std::forward<Args>(args)...)}) {}
  persistent_message(persistent_message&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)) {}
  persistent_message& operator=(persistent_message&& other) noexcept {
    persistent_message taken(std::move(other));
    std::swap(slot_, taken.slot_);
    return *this;
  }
  ~persistent_message() {
    // Else its own reference stays, so that the last handle does not give it to a pool.
    if (slot_ != nullptr && slot_->count.is_unique()) delete slot_;
  }

  /// One more owner; empty if this is moved from. Complexity: O(1), one addition to the count.
  [[nodiscard]] shared share() const noexcept {
    if (slot_ != nullptr) slot_->count.add();
    return shared(slot_, nullptr);
  }
  /// Gives the message to all `sinks`, with one change of the count. Releases what they owned
  /// before.
  void share(std::span<shared> sinks) const noexcept {
    if (slot_ != nullptr) slot_->count.add(sinks.size());
    for (shared& sink : sinks)
      sink = shared(slot_, nullptr);
  }

  /// Returns: the message; null if this is moved from. It is never changed, as handles read it.
  [[nodiscard]] value_type* get() const noexcept {
    return slot_ != nullptr ? &slot_->value : nullptr;
  }
  /// Preconditions (also of `operator->`): not moved from.
  [[nodiscard]] value_type& operator*() const noexcept { return slot_->value; }
  [[nodiscard]] value_type* operator->() const noexcept { return &slot_->value; }

 private:
  using slot_type = typename detail::access::of_messages<Pool>::slot;

  slot_type* slot_;
};

}  // namespace tarn
