// SPDX-License-Identifier: MIT
//
// Declarations of all public classes, by product, and all default template arguments: these stand
// here and nowhere else. Enumerations, concepts and functions stand in the header that needs them.

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
template <class L = system_mutex>
struct per_cpu;

// Stats policies.
struct no_stats;
struct counting_stats;
template <std::size_t RecentLengths = 256, std::size_t SampleEvery = 128>
struct basic_recording_stats;
using recording_stats = basic_recording_stats<>;

// Check policies.
struct no_check;
struct checked;
template <class... Parts>
struct checked_with;
struct fill_blocks;
struct fence_blocks;
template <std::size_t Blocks = 256, std::size_t Bytes = std::size_t{1} << 20>
struct quarantine_blocks;
template <bool Active>
struct basic_poison_blocks;
struct valgrind_blocks;
struct checked_block;
class check_finding;

// Sources.
struct heap_source;
struct page_source;
struct placed_source;
template <class Registrar, class Source = page_source>
class registered_source;
template <std::size_t Bytes>
class static_storage;

// Tier tables.
template <std::size_t First = 128, std::size_t Last = std::size_t{2} << 20>
struct power_of_two_tiers;
template <std::size_t... Sizes>
struct fixed_tiers;
template <class... Ts>
struct type_tiers;
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

// Byte pools and what they hand out.
template <class Lock = thread_cached<>, class Stats = counting_stats, class Traits = traits<>>
class byte_pool;
template <class Tiers, class Lock = thread_cached<>, class Stats = counting_stats>
using byte_pool_of = byte_pool<Lock, Stats, traits<Tiers>>;
template <class Lock = thread_cached<>, class Stats = counting_stats, class Check = no_check,
          class Source = heap_source>
class unsized_pool;
template <class Lock = thread_cached<>, class Stats = counting_stats, class Traits = traits<>>
class basic_buffer;
using buffer = basic_buffer<>;
template <class Lock = thread_cached<>, class Stats = counting_stats, class Traits = traits<>>
class basic_shared_buffer;
using shared_buffer = basic_shared_buffer<>;
template <class Lock = thread_cached<>, class Stats = counting_stats, class Traits = traits<>>
class basic_chain;
using chain = basic_chain<>;
struct byte_hash;
template <class T, class Pool = byte_pool<>>
class array_handle;
template <class Pool = byte_pool<>>
class block_cache;
template <class Pool = byte_pool<>>
class arena;

// Object pools.
template <class T, class Lock = thread_cached<>, class Stats = counting_stats,
          class Traits = object_traits<>>
class object_pool;
template <class T, class Lock = thread_cached<>, class Stats = counting_stats>
using built_pool = object_pool<T, Lock, Stats, object_traits<build_objects>>;
template <class Pool>
class object_handle;
template <class Types, class Lock = thread_cached<>, class Stats = counting_stats,
          class Check = no_check, class Source = heap_source>
class basic_variant_pool;
template <class... Ts>
using variant_pool = basic_variant_pool<type_tiers<Ts...>>;
template <class T, class Pool>
class variant_handle;
template <auto& Pool>
class static_pool;
template <class T>
class immortal;
template <class Key, class Value, class Compare = void>
class reused_map;

// Messages, and records that are written in batches.
class byte_string;
template <class Value = byte_string>
struct basic_message;
using message = basic_message<>;
class header_list;
template <class M = message, class Lock = thread_cached<>, class Stats = counting_stats,
          class Traits = object_traits<>>
class message_pool;
template <class Pool>
class message_handle;
template <class Pool>
class shared_message;
template <class Pool>
class persistent_message;
template <class Pool>
class message_consumer;
struct record;
class record_batch;
struct decode_limits;
struct decode_result;
class decode_error;

// Writers.
template <class Pool = byte_pool<>, std::size_t InlineBytes = 0>
struct fast_buffer_traits;
template <class Lock = no_lock, class Stats = counting_stats, class Traits = fast_buffer_traits<>>
class basic_fast_buffer;
using fast_buffer = basic_fast_buffer<>;
template <class Lock = system_mutex, class Stats = counting_stats,
          class Traits = fast_buffer_traits<>>
class basic_concurrent_fast_buffer;
using concurrent_fast_buffer = basic_concurrent_fast_buffer<>;
template <class Pool = byte_pool<>>
class basic_string_builder;
using string_builder = basic_string_builder<>;
template <class Pool = byte_pool<>>
class basic_key_builder;
using key_builder = basic_key_builder<>;
template <class Pool = byte_pool<>>
class basic_map_copy;
using map_copy = basic_map_copy<>;

// Readers. `void`: of a span.
template <class Chain = void>
class basic_byte_reader;
using byte_reader = basic_byte_reader<>;
using chain_reader = basic_byte_reader<chain>;

// Values that products take and hand out.
struct options;
struct fast_buffer_options;
struct fast_buffer_numbers;
struct fast_buffer_history;
template <class T>
class setting;
class time_span;
class tier_bounds;
class call_site;
class size_hint;
struct snapshot;
struct tier_snapshot;
struct byte_snapshot;
struct large_snapshot;
struct size_buckets;
struct occupancy;
struct tier_occupancy;
struct leak_report;
struct live_site;
struct closing_report;
struct closing_tier;
struct event;
struct operation;
struct misuse_report;
class length_ring;
template <class T, class Env = detail::native_env>
class ring_queue;
template <class T, class Lock = system_mutex>
class locked_ring_queue;
class pool_closed;
class pool_exhausted;

// observe/: each in a header that the products do not include.
class pool_registry;
class watched_pool;
class publication;
struct broken_invariant;
class ticker;
class maintainer;
template <class Pool>
class monitor;
struct monitor_options;
struct monitor_finding;
class pool_watch;
class event_log;
class operation_recorder;
class operation_log;
struct recorder_options;
struct replay_options;
struct replay_result;
struct weighted_size;
struct tier_advice;
struct tier_cost;
struct bounds_advice;
template <class Pool>
class leak_scope;
class leak_found;
struct pressure_options;
struct pressure_numbers;
struct pressure_reading;
struct pressure_thresholds;
class cgroup_source;
class psi_source;
struct metric_options;
struct wall_clock;
class periodic_printer;

// compat/: the shapes of the systems that tarn replaces.
struct sized_pools_options;
template <class Lock = thread_cached<>, class Stats = counting_stats, class Check = no_check,
          class Source = heap_source>
class basic_sized_pools;
using sized_pools = basic_sized_pools<>;
using checked_sized_pools = basic_sized_pools<thread_cached<>, counting_stats, checked>;
struct memory_stats;
template <class Value = byte_string>
struct cache_item;
template <class T>
struct async_result;
struct common_error;
template <class T>
class result_channel;
template <class Value = byte_string, class Lock = thread_cached<>, class Stats = counting_stats>
using cache_item_pool = object_pool<cache_item<Value>, Lock, Stats>;
template <class T, class Lock = thread_cached<>, class Stats = counting_stats>
using async_result_pool = object_pool<async_result<T>, Lock, Stats>;
template <class Lock = thread_cached<>, class Stats = counting_stats>
using error_pool = object_pool<common_error, Lock, Stats>;
template <class T, class Lock = thread_cached<>, class Stats = counting_stats>
using result_channel_pool = object_pool<result_channel<T>, Lock, Stats>;
template <class Key, class Value, class Lock = thread_cached<>, class Stats = counting_stats>
using map_pool = object_pool<reused_map<Key, Value>, Lock, Stats>;
struct json_text;
class expvar_publication;
class expvar_registry;

// interop/: each in a header that the products do not include.
class any_buffer;
template <class Pool = byte_pool<>>
class pool_resource;
template <class Pool = byte_pool<>>
class arena_resource;
template <class T, class Pool = byte_pool<>>
class pool_allocator;
template <class Pool = byte_pool<>>
struct pooled_frame;
template <class Pool = byte_pool<>>
struct try_pooled_frame;
template <class Buffer>
class pool_streambuf;
class prometheus_collectable;

}  // namespace tarn
