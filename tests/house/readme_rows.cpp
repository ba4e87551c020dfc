// SPDX-License-Identifier: MIT
//
// The table "If you come from" of README.md. Each row is here, named by its first cell, with code
// that uses each name of its second cell. cmake/check_rows.cmake compares both, and compiles this.

#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <tarn/builder.hpp>
#include <tarn/compat/cachex.hpp>
#include <tarn/compat/expvar.hpp>
#include <tarn/compat/global_pools.hpp>
#include <tarn/compat/memory_stats.hpp>
#include <tarn/compat/seeds.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/monitor.hpp>
#include <tarn/observe/periodic_printer.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/record_batch.hpp>
#include <tarn/reused_map.hpp>
#include <tarn/tarn.hpp>
#include <tarn/value/locked_ring_queue.hpp>
#include <tarn/value/ring_queue.hpp>

using namespace tarn;

// Where a row shows only the call, this is what it is called on.
using numbers = std::vector<int>;
extern std::string text;

void rows(std::size_t n, byte_pool<>& bytes, const snapshot& snapshot, const wall_clock& clock) {
  // row: Portask NewPool(cfg), pool.Get(), pool.Put(b)
  {
    using T = numbers;
    object_pool<T> pool(options{.initial_objects = 10, .max_objects = 100});
    auto b = pool.get();
  }
  // row: GetBuffer(n), PutBuffer(b)
  {
    auto b = default_pool().get(n);
  }
  // row: Resize(n), Clear(), ResetAndDrain(), Close()
  {
    object_pool<numbers> pool;
    pool.resize(n);
    pool.clear();
    pool.reset_and_drain();
    pool.close();
  }
  // row: BufferPool.Get(n) (12 tiers, length 0)
  {
    byte_pool_of<small_tiers> pool;
    static_assert(small_tiers::count() == 12);
    auto b = pool.get(n);
  }
  // row: PoolMonitor, ResizeThreshold, GetEvents, AddEvent
  {
    byte_pool<>& pool = bytes;
    monitor watching(pool, monitor_options{.grow_below = 0.7});
    event_log log;
    const auto token = log.watch(pool);
    const auto last = log.events();
    log.add_event({.kind = event_kind::custom, .message = text});
  }
  // row: GetGlobalPool(n), PoolManager
  {
    auto b = global_pools(sized_pools_options::portask()).get(n);
    auto c = global_pools<checked_sized_pools>().get(n);
    const auto all = pools().snapshots();
  }
  // row: GetStats(), PoolStats and its JSON
  {
    const portask_stats stats = to_portask(snapshot, clock);
    write_json(std::back_inserter(text), stats);
  }
  // row: GetMemoryStats, ForceGC, SetGCPercent
  {
    const memory_stats stats = get_memory_stats();
    force_gc();
    set_gc_percent(50);
  }
  // row: NewFastBuffer(n), Write, WriteString, Reset
  {
    fast_buffer out({.initial_bytes = n});
    out.append(std::as_bytes(std::span(text)));
    out.append("text");
    out.clear();
  }
  // row: NewMessagePool(n), Message.Reset()
  {
    message_pool<> limited(options{.capacity = n});
    message_pool<> unlimited({.max_objects = n});
    limited.get()->reset();
  }
  // row: m.Headers["k"] = v, delete(m.Headers, "k")
  {
    message_pool<> pool;
    auto m = pool.get();
    const std::string v;
    m->headers.set("k", v);
    m->headers.erase("k");
  }
  // row: bytepool NewPools(SizePowerOfTwo()), SizeStream()
  {
    byte_pool<> powers;
    byte_pool_of<stream_tiers> stream;
    byte_pool_of<fixed_tiers<100, 200>> fixed;
    byte_pool_of<runtime_tiers> yours({}, {100, 200});
  }
  // row: Get(n), Put(b), GetAvailableSizes()
  {
    auto b = bytes.get(n);
    const auto sizes = bytes.tiers().count();
  }
  // row: GetPoolStats(): recent_lengths, get, put, discarded
  {
    byte_pool<thread_cached<>, recording_stats> pool;
    const auto snapshot = pool.snapshot();
    const bytepool_stats stats = to_bytepool(snapshot);
  }
  // row: Expvar(prefix); expvar.Publish(name, f)
  {
    byte_pool<>& pool = bytes;
    const std::string prefix = "app_";
    const std::string name = "requests";
    const auto f = [] { return 12; };
    const auto mine = expvars().publish_pool(pool, prefix);
    const auto other = expvars().publish(name, f);
    auto out = std::back_inserter(text);
    write_debug_vars(out, expvars());
  }
  // row: RingQueue, LockedRingQueue, WithRingQueue, WithRingQueueType
  {
    ring_queue<std::size_t> mine(64);
    locked_ring_queue<int> locked(64);
    byte_pool<no_lock, recording_stats> pool(options{.recent_lengths = &mine});
    byte_pool<no_lock, recording_stats> other(options{.recent_lengths = ring_type::locked});
  }
  // row: Alloc(size) (prewarm)
  {
    const std::size_t tier = 0;
    bytes.prewarm(tier, n);
  }
  // row: GetBuffer(n): Retain, Release, Bytes() and its release function
  {
    shared_buffer b = bytes.get_shared(n);
    shared_buffer copy = b;
    shared_buffer retained = b.retain();
    retained.release();
    const auto mine = b.lease();
    const auto writer = b.writable_lease();
  }
  // row: NewPool(fn): Pool[T]
  {
    using T = numbers;
    using L = thread_cached<>;
    using S = counting_stats;
    struct F {
      T operator()() const { return T(10); }
    };
    object_pool<T, L, S, object_traits<keep_objects<F>>> pool;
  }
  // row: Go-CacheX CacheItemPool, AsyncResultPool, ErrorPool, ResultChannelPool
  {
    using T = std::string;
    cache_item_pool<> items;
    async_result_pool<T> results;
    error_pool<> errors;
    result_channel_pool<T> channels;
    items.get()->set("key", text, time_span::of_seconds(1), {});
    results.get()->fail("no");
    errors.get()->set("no", error_kind::unknown);
    channels.get()->close();
  }
  // row: StringSlicePool, MapPool, TimePool
  {
    object_pool<std::vector<std::string>> slices;
    using V = std::string;
    map_pool<std::string, V> maps;
    object_pool<time_span> times;
    slices.get()->push_back("text");
    maps.get()->insert("key", "value");
    const reused_map<std::string, V> values;
  }
  // row: GlobalPools
  {
    pool_of<cache_item<>>().get()->reset();
  }
  // row: OptimizedValueCopy, MapCopy, StringJoin, KeyBuilder, StringBuilder
  {
    const buffer value = copy_value(text);
    const map_copy copy = copy_map(std::map<std::string, std::string>());
    const buffer joined = join(std::vector<std::string>(), ",");
    key_builder key;
    key.add("user").add(42);
    string_builder built;
    built.push_back('c');
  }
  // row: GetWithCapacity(n); buffers of 1024 from the first Get
  {
    object_pool<std::vector<int>> pool(options{.default_capacity = 1024});
    auto b = object_pool<std::vector<int>>().get(n);
  }
  // row: PoolConfig 100/1000/5 min, 1000/10000/1 min, 100/1000/30 s
  {
    const double ops = 100;
    object_pool<numbers> a(options::standard());
    object_pool<numbers> b(options::high_throughput());
    object_pool<numbers> c(options::constrained());
    object_pool<numbers> d(options::for_rate(ops));
  }
  // row: SetCallback, SetDebug, PoolStats, CleanupInterval
  {
    const auto f = [](const operation&) {};
    object_pool<numbers> pool({.cleanup_interval = time_span::of_seconds(60)});
    pool.set_callback(f);
    static_assert(requires(event_log& log) { log.event_log::set_debug(true); });
    static_assert(requires(options o) { o.options::cleanup_interval; });
    const cachex_stats stats = to_cachex(snapshot);
  }
  // row: ValidateGlobalPools
  {
    const std::optional<broken_invariant> broken = pools().validate();
  }
  // row: Takhin GetBuffer(n), PutBuffer(b), 9 buckets
  {
    byte_pool_of<kafka_tiers> pool(options{.zeroing = zeroing::on_put});
    static_assert(kafka_tiers::count() == 9);
  }
  // row: GetRecord, GetRecordBatch (promised)
  {
    record_pool records;
    record_batch_pool batches;
    records.get()->reset();
    batches.get()->reset();
  }
  // row: Stats(), and its Prometheus metrics
  {
    const takhin_stats stats = to_takhin(snapshot);
    write_takhin_metrics(std::back_inserter(text), snapshot, snapshot, snapshot);
  }
  // row: synk GetSized(n), Put(b)
  {
    byte_pool_of<page_tiers> pool;
    auto b = pool.get(n);
  }
  // row: slots of a tier, max(8, 256 >> i)
  {
    byte_pool<> pool(options{.max_objects_by_tier = tier_bounds::halving(256, 8)});
  }
  // row: GetAtLeast(n)
  {
    auto b = bytes.get_at_least(n);
  }
  // row: its statistics, printed every 5 seconds
  {
    const synk_stats counted = to_synk(snapshot);
    periodic_printer printer([&] { return std::vector{snapshot}; });
  }
  // row: GetBuffer(n) (a bytes.Buffer)
  {
    fast_buffer out;
  }
  // row: GetUnsizedBytesPool().Get()
  {
    auto b = default_unsized_pool().get();
    auto more = default_unsized_pool().get(n);
  }
}
