// SPDX-License-Identifier: MIT
//
// Declarations of everything public, and all default template arguments: they stand here and
// nowhere else.

#pragma once

#include <cstddef>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

namespace detail {
struct native_env;
}

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
template <std::size_t RecentLengths = 256, std::size_t SampleEvery = 128>
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
template <class Lock = thread_cached<>, class Stats = counting_stats, class Traits = traits<>>
class basic_shared_buffer;
using shared_buffer = basic_shared_buffer<>;
template <class Lock = thread_cached<>, class Stats = counting_stats, class Traits = traits<>>
class basic_chain;
using chain = basic_chain<>;
template <class Pool = byte_pool<>, std::size_t InlineBytes = 0>
struct fast_buffer_traits;
template <class Lock = no_lock, class Stats = counting_stats, class Traits = fast_buffer_traits<>>
class basic_fast_buffer;
using fast_buffer = basic_fast_buffer<>;
template <class Lock = system_mutex, class Stats = counting_stats,
          class Traits = fast_buffer_traits<>>
class basic_concurrent_fast_buffer;
using concurrent_fast_buffer = basic_concurrent_fast_buffer<>;
class byte_string;
template <class Value = byte_string>
struct basic_message;
using message = basic_message<>;
template <class M = message, class Lock = thread_cached<>, class Stats = counting_stats,
          class Traits = object_traits<>>
class message_pool;
template <auto& Pool>
class static_pool;

// Observers: each in a header of its own under observe/.
class watched_pool;
class publication;
class pool_registry;
class sized_pools;
class ticker;
class maintainer;
struct memory_stats;

// Interop: each in a header of its own that nothing else includes.
template <class Pool = byte_pool<>>
class pool_resource;
template <class T, class Pool = byte_pool<>>
class pool_allocator;
template <class Pool = byte_pool<>>
struct pooled_frame;
template <class Pool = byte_pool<>>
struct try_pooled_frame;
class prometheus_collectable;

// Watching: opt-in, too.
struct metric_options;
struct wall_clock;
class periodic_printer;

// Short names for what is taken often.
template <class Tiers, class Lock = thread_cached<>, class Stats = counting_stats>
using byte_pool_of = byte_pool<Lock, Stats, traits<Tiers>>;
template <class T, class Lock = thread_cached<>, class Stats = counting_stats>
using built_pool = object_pool<T, Lock, Stats, object_traits<build_objects>>;

// Values.
struct options;
struct fast_buffer_options;
struct fast_buffer_numbers;
class size_hint;
template <class T, class Env = detail::native_env>
class ring_queue;
template <class T, class Lock = system_mutex>
class locked_ring_queue;
struct snapshot;
struct occupancy;

}  // namespace tarn
