// SPDX-License-Identifier: MIT
//
// message_pool: messages that one thread fills, many threads share, and the pool reuses.
//
//   tarn::message_pool<> messages({.name = "orders", .capacity = 1000});
//   auto m = messages.get_for(std::chrono::milliseconds(5));  // empty if all are still in use
//   m->value.assign(payload);
//   tarn::message_pool<>::shared sinks[3];
//   messages.share(std::move(m), sinks);                      // the last owner gives it back

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include <tarn/detail/base/deadline.hpp>
#include <tarn/detail/shared/permits.hpp>
#include <tarn/detail/shared/ref_count.hpp>
#include <tarn/message.hpp>
#include <tarn/message_handle.hpp>
#include <tarn/object_pool.hpp>

namespace tarn {

namespace detail {

/// A pooled message with the data of its handles.
template <class M, class Count, class Permits>
struct message_slot {
  Count count{};              // the number of handles that share it
  Permits* permit = nullptr;  // the owner of its permit; null: it has no permit
  M value;

  [[nodiscard]] std::size_t kept_bytes() const noexcept
    requires(is_measurable<M>())
  {
    return detail::kept_bytes(value);
  }
  void shrink(std::size_t most) noexcept
    requires requires(M& m) {
      { m.shrink(most) } noexcept;
    }
  {
    value.shrink(most);
  }
  void wipe() noexcept
    requires(can_wipe<M>)
  {
    detail::wipe(value);
  }
};

/// Constructs and destroys a slot together with its message.
template <class Lifecycle>
struct slot_lifecycle : Lifecycle {
  template <class Slot>
  Slot* make(void* place) const {
    if constexpr (Lifecycle::makes_default) {
      return ::new (place) Slot{};
    } else {
      return ::new (place) Slot{{}, nullptr, this->factory()};
    }
  }
  template <class Slot>
  [[nodiscard]] bool reset(Slot& slot) const
      noexcept(noexcept(std::declval<const Lifecycle&>().reset(slot.value))) {
    return Lifecycle::reset(slot.value);
  }
};

/// The types that a message pool is made of.
template <class M, class Lock, class Stats, class Traits>
struct message_parts {
  static_assert(right_policies<Lock, Stats>);
  static_assert(
      requires {
        { Traits::lifecycle::keeps } -> std::convertible_to<bool>;
        typename Traits::check;
        typename Traits::source;
      },
      "message_pool: the fourth argument must be tarn::object_traits<Lifecycle, Check, Source>, as "
      "in tarn::object_traits<tarn::keep_objects<>, tarn::checked>");
  static_assert(Traits::lifecycle::keeps,
                "message_pool: messages are kept and reset; build_objects is for object_pool");
  using env = typename lock_traits<Lock>::env;
  using count = std::conditional_t<is_concurrent_v<Lock>, ref_count<env>, plain_count>;
  using permits = detail::permits<env>;
  using slot = message_slot<M, count, permits>;
  using base = object_pool_base<slot, Lock, Stats,
                                object_traits<slot_lifecycle<typename Traits::lifecycle>,
                                              typename Traits::check, typename Traits::source>>;
};

}  // namespace detail

/// A part of a pool's capacity that is reserved for one consumer. It can always have that many
/// messages, whatever others do, and never more. Move-only.
///
/// When the consumer ends, its part returns to the pool: free messages at once, live messages when
/// they come back. Its messages may outlive it. It may outlive the pool if it is not used any more.
/// Thread safety: as the pool.
template <class Pool>
class message_consumer {
 public:
  using handle = typename Pool::handle;

  message_consumer(message_consumer&& other) noexcept
      : pool_(other.pool_), permits_(std::exchange(other.permits_, nullptr)) {}
  message_consumer& operator=(message_consumer&& other) noexcept {
    message_consumer taken(std::move(other));
    std::swap(pool_, taken.pool_);
    std::swap(permits_, taken.permits_);
    return *this;
  }
  ~message_consumer() {
    if (permits_ != nullptr) permits_->end();
  }

  using where_type = typename Pool::where_type;

  /// `get`, `try_get`, `get_for` and `get_until` work as those of the pool, but within the quota.
  /// Preconditions: the consumer is not moved from.
  [[nodiscard]] handle get(where_type where = where_type::current()) {
    handle got = try_get(where);
    if (!got) [[unlikely]]
      pool_->refuse(permits_);
    return got;
  }
  [[nodiscard]] handle try_get(where_type where = where_type::current()) {
    return pool_->take(*permits_, detail::wait_never, where);
  }
  [[nodiscard]] handle get_for(time_span at_most, where_type where = where_type::current()) {
    return pool_->take(*permits_, Pool::deadline_after(at_most), where);
  }
  [[nodiscard]] handle get_until(time_span deadline, where_type where = where_type::current()) {
    return pool_->take(*permits_, deadline.count(), where);
  }
  [[nodiscard]] std::size_t quota() const noexcept { return permits_->total(); }
  /// The live messages of this quota; exact while no thread takes or gives one back.
  /// Preconditions, also of the next: not moved from. Complexity: one load.
  [[nodiscard]] std::size_t in_use() const noexcept { return permits_->in_use(); }
  /// The most messages of this quota that were live at once: exact, but if gets fail at the source
  /// or the factory, it may count such a get that was under way at the same moment.
  [[nodiscard]] std::size_t most_in_use() const noexcept { return permits_->peak.most(); }

 private:
  friend Pool;
  using permits_type = typename detail::access::of_messages<Pool>::permits;

  message_consumer(Pool& pool, permits_type* permits) noexcept : pool_(&pool), permits_(permits) {}

  Pool* pool_;
  permits_type* permits_;
};

/// A pool of messages of type `M`, which is reset as in an object_pool.
///
/// Without `options::capacity` a get never waits, and a message costs as much as an object of an
/// object_pool. With a capacity, exactly that many messages can be live, and a get may wait for
/// one. Parts of the capacity can be reserved for consumers.
///
/// A message may hold messages of its own pool, for example in a member of type
/// `message_pool<node>::shared`. They go back with it, with one level of recursion each: some 100
/// bytes of stack in an optimised build, up to 2 KiB under a sanitizer. A chain of a thousand
/// messages is safe. In a longer chain, move each next message out before its owner goes back.
///
/// Preconditions: no fork while another thread makes or ends a consumer, or closes the pool. The
/// child could wait for ever for that thread.
///
/// Thread safety: as object_pool.
template <class M, class Lock, class Stats, class Traits>
class message_pool : public detail::message_parts<M, Lock, Stats, Traits>::base {
  using parts = detail::message_parts<M, Lock, Stats, Traits>;
  using base = typename parts::base;
  using core_type = typename base::core_type;
  using slot_type = typename parts::slot;
  using permits_type = typename parts::permits;

 public:
  using value_type = M;
  using lock_type = Lock;
  using stats_type = Stats;
  using traits_type = Traits;
  using lifecycle_type = typename Traits::lifecycle;
  using source_type = typename Traits::source;
  using handle = message_handle<message_pool>;
  using shared = shared_message<message_pool>;
  using consumer_type = message_consumer<message_pool>;
  /// The call site of a get, for stats policies that follow messages. See byte_pool.
  using where_type = typename core_type::where_type;

  /// Throws: as the constructor of object_pool, and `std::invalid_argument` for a capacity above
  /// 2^32 - 1.
  // (Both constructors are templates: if a class is instantiated explicitly, clang 14 also
  // instantiates members whose constraints do not hold.)
  template <std::default_initializable Source = source_type>
  message_pool()
    requires detail::needs_nothing<lifecycle_type>
      : message_pool(options{}) {}
  template <std::default_initializable Source = source_type>
  explicit message_pool(const options& o, lifecycle_type lifecycle = {})
      : message_pool(o, std::move(lifecycle), Source()) {}
  explicit message_pool(const options& o, lifecycle_type lifecycle, source_type source)
      : base(checked_options(o), {std::move(lifecycle)}, std::move(source)),
        permits_(o.capacity ? new permits_type(static_cast<std::uint32_t>(*o.capacity)) : nullptr) {
    // Tested here, where M is complete: a message may hold handles of this pool.
    static_assert(!lockable<M>, "message_pool: the message type comes first, then the lock policy");
  }
  ~message_pool() {
    close();
    if (permits_ != nullptr) permits_->end();
  }

  /// Gets a message: an idle one, which was reset, or a new one from the factory. Does not wait.
  ///
  /// Throws: `pool_closed`; `pool_exhausted` if all messages are in use or reserved, or if the
  ///   source or a limit is exhausted; what the factory throws. No message is lost then.
  [[nodiscard]] TARN_FORCE_INLINE handle get(where_type where = where_type::current()) {
    handle got = try_get(where);
    if (!got) [[unlikely]]
      refuse(permits_);
    return got;
  }
  /// As `get`, but returns an empty handle if the pool has no message. Throws: what the factory
  /// throws.
  [[nodiscard]] TARN_FORCE_INLINE handle try_get(where_type where = where_type::current()) {
    if (permits_ != nullptr) [[unlikely]]
      return take(*permits_, detail::wait_never, where);
    return {this->core().take_kept(where), &this->core()};
  }
  /// As `try_get`, but if all messages are in use, it waits for one until the time is over or the
  /// pool is closed. Under `no_lock` it does not wait: no other thread could give a message back.
  [[nodiscard]] handle get_for(time_span at_most, where_type where = where_type::current()) {
    return permits_ != nullptr ? take(*permits_, deadline_after(at_most), where) : try_get(where);
  }
  /// As `get_for`, with a deadline on the steady clock, in nanoseconds since its epoch:
  /// `get_until(std::chrono::steady_clock::now().time_since_epoch() + 5ms)`.
  [[nodiscard]] handle get_until(time_span deadline, where_type where = where_type::current()) {
    return permits_ != nullptr ? take(*permits_, deadline.count(), where) : try_get(where);
  }

  /// Reserves `quota` messages for one consumer.
  ///
  /// Throws: `std::invalid_argument` if the pool has no capacity, if `quota` is 0, or if the sum of
  ///   all quotas would be above the capacity; `pool_exhausted` if fewer messages are free now;
  ///   `pool_closed`; `std::bad_alloc`.
  [[nodiscard]] consumer_type consumer(std::size_t quota);

  /// Turns the owner of a message into one that can be copied. Complexity: O(1), no atomic
  /// operation.
  [[nodiscard]] static shared share(handle&& m) noexcept {
    return {std::exchange(m.slot_, nullptr), m.core_};
  }
  /// Gives a message to all `sinks`, with one change of the count. Releases what they owned before.
  static void share(handle&& m, std::span<shared> sinks) noexcept {
    if (sinks.empty()) return put(std::move(m));
    if (m) m.slot_->count.add(sinks.size() - 1);  // the reference of the handle is one of them
    auto* const slot = std::exchange(m.slot_, nullptr);
    for (shared& sink : sinks)
      sink = shared(slot, m.core_);
  }

  /// Gives a message back. Ignores an empty handle.
  static void put(handle&& m) noexcept { m.reset(); }

  /// As `object_pool::close`. Threads that wait for a message return without one.
  void close() noexcept {
    const bool reports = this->end_gets();
    if (permits_ != nullptr) permits_->close();
    if (reports) this->report_what_is_out();
  }
  /// As `object_pool::set_callback`. The item of an operation is the message.
  template <class Callback>
  void set_callback(Callback callback) {
    if constexpr (!std::is_null_pointer_v<Callback>) {
      if (!base::is_null(callback)) {
        return base::set_callback([callback = std::move(callback)](operation o) mutable {
          if (o.item != nullptr) o.item = &static_cast<slot_type*>(o.item)->value;
          callback(static_cast<const operation&>(o));
        });
      }
    }
    base::set_callback(nullptr);
  }

  /// The number of live messages; under load an estimate.
  [[nodiscard]] std::uint64_t in_flight() const { return this->occupancy().in_use(); }
  /// The most messages that were live at once. With a capacity and no consumers it is exact, as
  /// `message_consumer::most_in_use`; a reserved message counts as live. Without a capacity it is
  /// an upper bound if caches stand in front of the depot: it counts idle messages in caches, too.
  [[nodiscard]] std::uint64_t most_in_flight() const {
    const std::uint64_t out = this->occupancy().tiers[0].peak_outstanding;
    return permits_ == nullptr ? out : detail::min_of<std::uint64_t>(out, permits_->peak.most());
  }

 private:
  friend struct detail::access;
  friend handle;
  friend shared;
  friend consumer_type;

  [[nodiscard]] static const options& checked_options(const options& o) {
    if (o.capacity && *o.capacity > permits_type::most) {
      detail::throw_invalid("capacity", *o.capacity, "must be at most", permits_type::most);
    }
    return o;
  }
  [[nodiscard]] static std::int64_t deadline_after(time_span at_most) noexcept {
    return detail::deadline_after<typename parts::env>(at_most.count());
  }

  /// Takes a permit, and waits for it. Returns: whether it got one.
  [[nodiscard]] TARN_COLD bool wait_for_permit(permits_type& from, std::int64_t deadline,
                                               std::uint32_t& taken) {
    const auto began = parts::env::now();
    const bool will_wait = began < deadline && !this->closed();
    const bool was_taken = from.take_until(deadline, taken);
    if (will_wait) this->core().note_wait(began);
    return was_taken;
  }
  /// Gets a message with a permit of `from`.
  [[nodiscard]] handle take(permits_type& from, std::int64_t deadline, where_type where);
  /// Throws the error that says why a get with a permit of `from` failed.
  [[noreturn]] TARN_COLD void refuse(const permits_type* from) const {
    if (from == nullptr || this->closed() || !from->is_empty()) this->fail(sizeof(M));
    char text[200];
    if (from == permits_) {
      std::snprintf(text, sizeof text,
                    "tarn: pool '%.60s': all messages are in use or reserved for consumers, "
                    "capacity %u, %u of it reserved",
                    this->name().c_str(), static_cast<unsigned>(from->total()),
                    static_cast<unsigned>(permits_->reserved_total()));
    } else {
      std::snprintf(text, sizeof text,
                    "tarn: pool '%.60s': all messages of this consumer are in use, quota %u",
                    this->name().c_str(), static_cast<unsigned>(from->total()));
    }
    throw pool_exhausted(text);
  }
  /// Counts a refusal for lack of a permit, and tells observers.
  void refused() noexcept {
    const auto why = this->closed() ? refusal::closed : refusal::capacity;
    this->core().refuse(why, 0, sizeof(M));
  }
  static constexpr unsigned most_refusals = 16;  // by the source, in one get that waits
  /// Gives the message back first and its permit second: a thread with a permit finds a message.
  TARN_FORCE_INLINE static void give(core_type& core, slot_type* slot) noexcept {
    permits_type* const permit = slot->permit;
    core.give_object(slot);
    if (permit != nullptr) [[unlikely]]
      permit->give();
  }

  permits_type* const permits_;  // null without a capacity; lives on while messages are live
};

template <class M, class Lock, class Stats, class Traits>
auto message_pool<M, Lock, Stats, Traits>::take(permits_type& from, std::int64_t deadline,
                                                where_type where) -> handle {
  // Without any permit no put can give one.
  const bool waits = is_concurrent_v<Lock> && deadline != detail::wait_never && from.total() != 0;
  std::uint32_t taken = 0;
  if (!from.try_take(1, taken) && !(waits && wait_for_permit(from, deadline, taken))) {
    refused();
    return {};
  }
  try {
    handle got{this->core().take_kept(where, !waits), &this->core()};
    // A thread with a permit is entitled to a message. An idle message may be on its way to
    // destruction; then there is room for another one, unless the source refuses.
    unsigned refusals = 0;
    for (unsigned turn = 0; waits && !got && refusals != most_refusals; ++turn) {
      if (this->closed() || parts::env::now() >= deadline) break;
      // A message that another thread is making or destroying is not missing for long.
      refusals = this->core().is_at_capacity() ? 0 : refusals + 1;
      parts::env::pause(turn);
      got = {this->core().take_kept(where, false), &this->core()};
    }
    if (got) [[likely]] {
      got.slot_->permit = &from;
      from.peak.note(taken);
    } else {
      from.give();
      if (waits) this->core().refuse_object();
    }
    return got;
  } catch (...) {
    from.give();
    throw;
  }
}

template <class M, class Lock, class Stats, class Traits>
auto message_pool<M, Lock, Stats, Traits>::consumer(std::size_t quota) -> consumer_type {
  if (permits_ == nullptr) {
    detail::throw_invalid("quota", quota, "needs a pool with options::capacity");
  }
  if (quota == 0) detail::throw_invalid("quota", quota, "must be at least", 1);
  if (quota > permits_->total()) {
    detail::throw_invalid("quota", quota, "must be at most the capacity,", permits_->total());
  }
  const auto count = static_cast<std::uint32_t>(quota);
  auto* const made = new permits_type(count);
  const auto result = permits_->reserve(*made);
  if (result == detail::reserved::granted) return {*this, made};
  made->end();
  if (result != detail::reserved::too_many) refused();
  if (result == detail::reserved::closed) throw pool_closed(this->name());
  if (result == detail::reserved::in_use) {
    char text[200];
    std::snprintf(text, sizeof text,
                  "tarn: pool '%.60s': quota %zu can't be reserved while so many messages are in "
                  "use, capacity %u, %u of it reserved",
                  this->name().c_str(), quota, static_cast<unsigned>(permits_->total()),
                  static_cast<unsigned>(permits_->reserved_total()));
    throw pool_exhausted(text);
  }
  detail::throw_invalid("sum of quotas", permits_->reserved_total() + quota,
                        "must be at most the capacity,", permits_->total());
}

}  // namespace tarn
