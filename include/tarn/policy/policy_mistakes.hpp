// SPDX-License-Identifier: MIT
#pragma once

// Error messages for a bad lock or stats policy: one sentence that says what to do. Products check
// here before they use a policy, so that this is the first message of the compiler.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/policy/mistakes.hpp>

namespace tarn::detail {

template <class L>
struct right_lock {
  static_assert(!like_pool<L>,
                "a pool stands in the place of the lock: a buffer or a chain has the arguments of "
                "its pool, and a fast_buffer has fast_buffer_traits<Pool>, after Lock and Stats");
  static_assert(!like_stats<L>,
                "a stats policy stands in the place of the lock: first Lock, then Stats");
  static_assert(!like_traits<L>,
                "traits stand in the place of the lock: first Lock, then Stats, then the traits");
  static_assert(!like_part_of_traits<L>,
                "a tier table, a check, a source and a lifecycle belong into the traits, which "
                "stand after Lock and Stats: byte_pool<Lock, Stats, traits<Tiers, Check, Source>>");
  static_assert(defined<L>,
                "the lock is only declared here: include its header, "
                "<tarn/policy/spin_lock.hpp> for tarn::spin_lock");
  static_assert(!defined<L> || like_lock<L>,
                "the lock must be tarn::thread_cached<>, tarn::per_cpu<>, tarn::lock_free, "
                "tarn::no_lock, or a type with lock(), try_lock() and unlock(), as std::mutex");
  static_assert(
      !defined<L> || requires(L& lock) {
        { lock.try_lock() } -> std::convertible_to<bool>;
      }, "the lock needs a try_lock() that returns a bool, beside lock() and unlock()");
  static_assert(!defined<L> || std::is_default_constructible_v<L>,
                "the lock needs a default constructor: a pool makes one for each tier");
  static constexpr bool value = true;
};
template <std::same_as<lock_free> L>
struct right_lock<L> {
  static_assert(defined<L>,
                "the lock is only declared here: include its header, <tarn/policy/lock_free.hpp>");
  static constexpr bool value = true;
};
template <class L>
struct right_depot_lock : right_lock<L> {};
template <>
struct right_depot_lock<lock_free> {  // which has a message of its own below
  static constexpr bool value = true;
};
template <class L>
struct right_lock<thread_cached<L>> : right_depot_lock<L> {
  static_assert(!std::same_as<L, lock_free>,
                "thread_cached<L> needs a lock for its depots: tarn::thread_cached<>, or "
                "thread_cached<std::mutex>; lock_free stands alone");
  static_assert(is_concurrent_v<L>,
                "the depots of thread_cached<L> are shared by threads: L must be a real lock, or "
                "the pool's lock plain tarn::no_lock");
};
template <class L>
struct right_lock<per_cpu<L>> : right_depot_lock<L> {
  static_assert(defined<per_cpu<L>>,
                "the lock is only declared here: include its header, <tarn/policy/per_cpu.hpp>");
  static_assert(!std::same_as<L, lock_free>,
                "per_cpu<L> needs a lock for its depots: tarn::per_cpu<>, or per_cpu<std::mutex>; "
                "lock_free stands alone");
};

template <class S>
concept has_recorder = requires { typename S::template recorder<shared_counter<native_env>>; };
template <class S, class = void>
struct right_recorder {
  static constexpr bool value = true;
};
template <class S>
struct right_recorder<S, std::enable_if_t<has_recorder<S>>> {
  using recorder = typename S::template recorder<shared_counter<native_env>>;
  static_assert(
      requires(recorder& r, std::uint32_t tier, std::size_t size) {
        requires noexcept(r.on_get(tier, size));
      },
      "the recorder of the stats policy needs on_get(std::uint32_t tier, std::size_t size) "
      "noexcept");
  static_assert(
      requires(recorder& r, std::uint32_t tier) { requires noexcept(r.on_put(tier)); },
      "the recorder of the stats policy needs on_put(std::uint32_t tier) noexcept");
  static_assert(
      requires(recorder& r, std::size_t size) { requires noexcept(r.on_oversize(size)); },
      "the recorder of the stats policy needs on_oversize(std::size_t size) noexcept");
  static constexpr bool value = true;
};

template <class S>
struct right_stats {
  static_assert(!like_pool<S>,
                "a pool stands in the place of the stats policy: a buffer or a chain has the "
                "arguments of its pool, and a fast_buffer has fast_buffer_traits<Pool>, after Lock "
                "and Stats");
  static_assert(!like_lock<S>,
                "a lock stands in the place of the stats policy: first Lock, then Stats");
  static_assert(!like_traits<S>,
                "traits stand in the place of the stats policy: first Lock, then Stats, then the "
                "traits");
  static_assert(!like_part_of_traits<S>,
                "a tier table, a check, a source and a lifecycle belong into the traits, which "
                "stand after Lock and Stats: byte_pool<Lock, Stats, traits<Tiers, Check, Source>>");
  static_assert(defined<S>,
                "the stats policy is only declared here: include its header, "
                "<tarn/policy/recording_stats.hpp> for tarn::recording_stats");
  static_assert(
      !defined<S> ||
          requires {
            { S::counts } -> std::convertible_to<bool>;
          },
      "the stats policy must be tarn::no_stats, tarn::counting_stats, tarn::recording_stats, or a "
      "type of your own with a static constexpr bool counts");
  static_assert(!like_stats<S> || has_recorder<S>,
                "the stats policy needs a member template recorder<Counter>");
  static constexpr bool value = right_recorder<S>::value;
};

template <class Lock, class Stats>
inline constexpr bool right_policies = right_lock<Lock>::value && right_stats<Stats>::value;

}  // namespace tarn::detail
