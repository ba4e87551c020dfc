// SPDX-License-Identifier: MIT
//
// The memory of the program in one struct, and functions that reduce it.
//
//   const auto now = tarn::read_memory_stats();
//   tarn::force_trim();
//
// The first thirteen numbers have the names of Go's runtime, with the closest true meaning for
// pools and the heap.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>

#include <tarn/detail/events/totals.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/observe/process.hpp>
#include <tarn/observe/registry.hpp>

namespace tarn {

/// The memory of the published pools, of the heap and of the process, at one moment.
///
/// Sums over pools include only the pools that are published now. Counts and sums of gets come from
/// pools whose stats policy counts. With a heap other than glibc's, the fields of the heap have
/// only the part of the pools.
struct memory_stats {
  /// Bytes of live blocks of pools, by the memory that they occupy.
  std::uint64_t alloc = 0;
  /// Bytes of all blocks that pools ever handed out.
  std::uint64_t total_alloc = 0;
  /// Bytes of address space that the process has from the system.
  std::uint64_t sys = 0;
  /// Searches for the owner of a pointer since the program began: calls of `owns`, and foreign
  /// pointers that checked pools were given.
  std::uint64_t lookups = 0;
  /// Blocks that pools handed out.
  std::uint64_t mallocs = 0;
  /// Blocks that came back to pools.
  std::uint64_t frees = 0;
  /// Bytes that the heap has handed out, with the slabs of pools on the heap.
  std::uint64_t heap_alloc = 0;
  /// Bytes that the heap holds from the system, and slabs of pools with another source.
  std::uint64_t heap_sys = 0;
  /// Bytes of `heap_sys` that are free in the heap, or idle in pools.
  std::uint64_t heap_idle = 0;
  /// `heap_sys - heap_idle`.
  std::uint64_t heap_in_use = 0;
  /// Idle bytes that were given back since the program began: from pools to their sources, and
  /// purged pages.
  std::uint64_t heap_released = 0;
  /// The part of the processor time since the program began that pools spent on upkeep:
  /// `upkeep_time / (age * processors)`.
  double gc_cpu_fraction = 0;
  /// Passes of upkeep since the program began: trims, drains and ticks of `maintain`, per pool.
  std::uint64_t num_gc = 0;

  std::uint64_t resident = 0;      ///< bytes of the process in memory
  std::uint64_t minor_faults = 0;  ///< see process_memory
  std::uint64_t major_faults = 0;
  time_span upkeep_time{};  ///< duration of the upkeep passes, summed over all threads
  time_span age{};          ///< of the program
  unsigned processors = 1;
};

namespace detail {
inline const std::int64_t program_began = native_env::now();  // runs with the static constructors
}  // namespace detail

/// Reads all numbers. The pools are read one after the other. Throws: `std::bad_alloc`.
[[nodiscard]] inline memory_stats read_memory_stats(const pool_registry& of = pools()) {
  memory_stats m;
  const auto heap = read_heap();                    // first: later steps use the heap
  const auto relaxed = std::memory_order::relaxed;  // statistics
  const auto& upkeep = detail::upkeep_totals;
  m.lookups = upkeep.searches.load(relaxed);
  m.num_gc = upkeep.passes.load(relaxed);
  m.upkeep_time = time_span::of_nanoseconds(upkeep.nanoseconds.load(relaxed));
  m.heap_released = upkeep.released_bytes.load(relaxed);
  m.heap_alloc = heap.in_use;
  m.heap_sys = heap.held;
  m.heap_idle = heap.free;
  of.for_each([&](const watched_pool& pool) {
    const auto read = pool.snapshot();
    if (!read) return;
    const auto add = [&](const tier_snapshot& t) {
      m.alloc += t.in_use * t.stride_bytes;
      m.total_alloc += t.gets * t.stride_bytes;
      m.mallocs += t.gets;
      m.frees += t.puts;
      m.heap_idle += t.idle * t.stride_bytes;
      m.heap_released += t.purged_bytes;
    };
    for (const auto& t : read->tiers)
      add(t);
    add(read->nodes);
    const auto& large = read->large;
    m.alloc += large.in_use_bytes;
    m.total_alloc += large.fresh_bytes + large.reused_bytes;
    m.mallocs += large.gets;
    m.frees += large.puts;
    m.heap_idle += large.kept_bytes;
    if (!pool.is_on_heap() || !heap.is_known) {
      m.heap_sys += read->slab_bytes + large.in_use_bytes + large.kept_bytes;
    }
    if (!heap.is_known) m.heap_alloc += read->slab_bytes + large.in_use_bytes + large.kept_bytes;
  });
  m.heap_idle = (std::min)(m.heap_idle, m.heap_sys);  // they were read at different moments
  m.heap_in_use = m.heap_sys - m.heap_idle;
  const auto process = read_process();
  m.sys = process.address_space;
  m.resident = process.resident;
  m.minor_faults = process.minor_faults;
  m.major_faults = process.major_faults;
  m.processors = (std::max)(1u, std::thread::hardware_concurrency());
  m.age = time_span::of_nanoseconds(detail::native_env::now() - detail::program_began);
  const auto available = static_cast<double>(m.age.count()) * m.processors;
  if (available > 0) {
    m.gc_cpu_fraction = (std::min)(1.0, static_cast<double>(m.upkeep_time.count()) / available);
  }
  return m;
}

/// Gives all idle memory back: that of all published pools to their sources, then that of the heap
/// to the system. Other threads give their caches back on their next slow path.
///
/// Returns: the bytes that the pools gave back at once. Throws: `std::bad_alloc`.
inline std::size_t force_trim(const pool_registry& of = pools()) {
  std::size_t given = 0;
  of.for_each([&](const watched_pool& pool) {
    given += pool.trim();
    pool.drain();  // orders the other threads to empty their caches
  });
  detail::trim_heap();
  return given;
}

/// Sets the part of its recent peak use that every published pool may keep idle, in percent; -1
/// sets no limit. Pools that are published later keep their own setting.
///
/// Returns: the previous value, the largest if the pools differ; -1 if no pool has this setting.
/// Throws: as `set_retention_percent` of a pool, before anything is changed.
inline int set_retention_percent(int percent, const pool_registry& of = pools()) {
  int old = -1;
  of.for_each([&](const watched_pool& pool) {
    if (const auto was = pool.set_retention_percent(percent)) old = (std::max)(old, *was);
  });
  return old;
}

// Portask's names for these, as a program that was ported calls them.

/// `read_memory_stats` of all published pools. Throws: `std::bad_alloc`.
[[nodiscard]] inline memory_stats get_memory_stats() { return read_memory_stats(); }
/// `force_trim` of all published pools. Throws: `std::bad_alloc`.
inline void force_gc() { static_cast<void>(force_trim()); }
/// `set_retention_percent` of all published pools. As in Go, any negative number sets no limit.
/// Returns: the previous value; -1 for none. Throws: as `set_retention_percent`.
inline int set_gc_percent(int percent) { return set_retention_percent((std::max)(percent, -1)); }

}  // namespace tarn
