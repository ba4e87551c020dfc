// SPDX-License-Identifier: MIT
//
// Declarations of everything public, and all default template arguments: they stand here and
// nowhere else.

#pragma once

#include <cstddef>

namespace tarn {

// Lock policies: any Lockable, or one of these.
struct no_lock;
class spin_lock;
class system_mutex;
struct lock_free;
template <class L = system_mutex>
struct thread_cached;

// Stats policies.
struct no_stats;
struct counting_stats;
template <std::size_t RecentLengths = 256>
struct basic_recording_stats;
using recording_stats = basic_recording_stats<>;

// Check policies.
struct no_check;
struct checked;

// Sources.
struct heap_source;
struct page_source;

// Tier tables.
template <std::size_t First = 128, std::size_t Last = std::size_t{2} << 20>
struct power_of_two_tiers;
template <std::size_t... Sizes>
struct fixed_tiers;
class runtime_tiers;

// Traits: what else decides about layout or hit path, and is seldom changed.
template <class Tiers = power_of_two_tiers<>, class Check = no_check, class Source = heap_source>
struct traits;
struct construct_default;
struct reset_object;
template <class Factory = construct_default, class Reset = reset_object>
struct keep_objects;
struct build_objects;
template <class Lifecycle = keep_objects<>, class Check = no_check, class Source = heap_source>
struct object_traits;

// Products.
template <class Lock = thread_cached<>, class Stats = counting_stats, class Traits = traits<>>
class byte_pool;
template <class Lock = thread_cached<>, class Stats = counting_stats, class Traits = traits<>>
class basic_buffer;
using buffer = basic_buffer<>;
template <class Lock = thread_cached<>, class Stats = counting_stats, class Check = no_check,
          class Source = heap_source>
class unsized_pool;
template <class T, class Lock = thread_cached<>, class Stats = counting_stats,
          class Traits = object_traits<>>
class object_pool;
template <class Pool>
class object_handle;
template <auto& Pool>
class static_pool;

// Short names for what is taken often.
template <class Tiers, class Lock = thread_cached<>, class Stats = counting_stats>
using byte_pool_of = byte_pool<Lock, Stats, traits<Tiers>>;
template <class T, class Lock = thread_cached<>, class Stats = counting_stats>
using built_pool = object_pool<T, Lock, Stats, object_traits<build_objects>>;

// Values.
struct options;
struct snapshot;
struct occupancy;

}  // namespace tarn
