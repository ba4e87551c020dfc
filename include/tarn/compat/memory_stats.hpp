// SPDX-License-Identifier: MIT
//
// The memory of the program in one struct, and what makes all of it smaller.
//
//   const auto now = tarn::read_memory_stats();
//   tarn::force_trim();
//
// The first thirteen numbers have the names that Go's runtime gives to them, and for pools and the
// heap the nearest true meaning.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>

#include <tarn/detail/events/totals.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/observe/detail/process.hpp>
#include <tarn/observe/registry.hpp>

namespace tarn {

/// Memory of the published pools, of the heap and of the process, at one moment.
///
/// What is summed over pools is summed over those that are published now: the numbers of one that
/// leaves go with it. Counts and sums of gets come from pools whose stats policy counts. Where the
/// heap is not glibc's the fields of the heap hold the part of the pools only.
struct memory_stats {
  /// Bytes of blocks that are out of pools, by the memory they occupy.
  std::uint64_t alloc = 0;
  /// Bytes of all blocks that pools ever handed out.
  std::uint64_t total_alloc = 0;
  /// Bytes of address space that the process has of the system.
  std::uint64_t sys = 0;
  /// Searches for the owner of a pointer, since the program began: calls of `owns`, and of checked
  /// pools that were given a pointer of somebody else.
  std::uint64_t lookups = 0;
  /// Blocks that pools handed out.
  std::uint64_t mallocs = 0;
  /// Blocks that came back to pools.
  std::uint64_t frees = 0;
  /// Bytes that the heap has handed out, to everybody; among them slabs of pools on the heap.
  std::uint64_t heap_alloc = 0;
  /// Bytes that the heap holds of the system, and slabs of pools with another source.
  std::uint64_t heap_sys = 0;
  /// Of those, nobody's at the moment: free in the heap, or idle in pools.
  std::uint64_t heap_idle = 0;
  /// `heap_sys - heap_idle`.
  std::uint64_t heap_in_use = 0;
  /// Bytes that were given back because they were idle, since the program began: by pools to their
  /// sources, and pages that they purged.
  std::uint64_t heap_released = 0;
  /// The part of the processors' time since the program began that pools spent on their upkeep:
  /// `upkeep_time / (age * processors)`.
  double gc_cpu_fraction = 0;
  /// Passes of upkeep since the program began: trims, drains and ticks of `maintain`, per pool.
  std::uint64_t num_gc = 0;

  std::uint64_t resident = 0;      ///< bytes of the process that are in memory
  std::uint64_t minor_faults = 0;  ///< see process_memory
  std::uint64_t major_faults = 0;
  time_span upkeep_time{};  ///< that those passes took, on all threads together
  time_span age{};          ///< of the program
  unsigned processors = 1;
};

namespace detail {
inline const std::int64_t program_began = native_env::now();  // as static constructors run
}  // namespace detail

/// Reads it all. The pools are read one after the other. Throws: `std::bad_alloc`.
[[nodiscard]] inline memory_stats read_memory_stats(const pool_registry& of = pools()) {
  memory_stats m;
  const auto heap = read_heap();                    // first: what follows uses it
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

/// Gives everything idle back: of all published pools to their sources, then of the heap to the
/// system. What other threads cache goes at their next slow path.
///
/// Returns: the bytes that the pools gave back before it returned. Throws: `std::bad_alloc`.
inline std::size_t force_trim(const pool_registry& of = pools()) {
  std::size_t given = 0;
  of.for_each([&](const watched_pool& pool) {
    given += pool.trim();
    pool.drain();  // tells the other threads
  });
  detail::trim_heap();
  return given;
}

/// Sets what part of its recent peak use every published pool may keep idle, in percent; -1 turns
/// it off. Pools that are published later keep their own.
///
/// Returns: the old value, the largest if the pools differ; -1 if no pool has such a setting.
/// Throws: as that of the pools, before anything is changed.
inline int set_retention_percent(int percent, const pool_registry& of = pools()) {
  int old = -1;
  of.for_each([&](const watched_pool& pool) {
    if (const auto was = pool.set_retention_percent(percent)) old = (std::max)(old, *was);
  });
  return old;
}

}  // namespace tarn
