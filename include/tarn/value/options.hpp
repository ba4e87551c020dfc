// SPDX-License-Identifier: MIT
//
// The run-time options of a pool. Only slow paths read them.
//
//   tarn::byte_pool<> pool({.name = "frames", .max_bytes = 64 << 20, .capacity = 1000});

#pragma once

#include <cstddef>
#include <string>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/value/basic/zeroing.hpp>
#include <tarn/value/length_ring.hpp>
#include <tarn/value/setting.hpp>
#include <tarn/value/tier_bounds.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// What `close` does about blocks that are still live.
enum class closing : unsigned char {
  orphan,  ///< keeps them valid: the last one that comes back frees the pool's memory
  report,  ///< as orphan, and tells the closing handler, which prints: see `set_closing_handler`
  abort,   ///< as report, then ends the program
};

/// What `maintain` does with memory that was not needed for long.
///
/// `reclaimable` and `purge` need pages that can be dropped: Linux, and a source that allows it.
/// Elsewhere they work as `give_back`.
enum class idle_memory : unsigned char {
  give_back,    ///< the memory goes to the source
  reclaimable,  ///< the memory stays; the system takes its pages when it needs some (MADV_FREE)
  purge,        ///< the memory stays; its pages go at once, and read zero later (MADV_DONTNEED)
};

/// The run-time options of a pool.
///
/// An absent option has its default; zero means zero. A pool checks its options with `validate`.
struct options {
  static constexpr std::size_t default_max_bytes = std::size_t{256} << 20;
  static constexpr std::size_t default_slab_bytes = std::size_t{64} << 10;
  static constexpr std::size_t staying_slab_bytes = std::size_t{1} << 20;
  static constexpr std::size_t default_keep_capacity_bytes = std::size_t{64} << 10;
  static constexpr std::size_t min_slab_bytes = std::size_t{64} << 10;
  static constexpr std::size_t max_slab_bytes = std::size_t{1} << 30;

  static constexpr time_span default_decay_interval = time_span::of_seconds(1);
  static constexpr time_span no_decay{};

  /// The name of the pool in reports.
  std::string name{};
  /// Blocks made ready in each tier at construction. Default: 0.
  setting<std::size_t> initial_objects{};
  /// The most bytes per pool for `initial_objects`, smaller tiers first. Reaching it is no error.
  /// Default: `max_bytes`.
  setting<std::size_t> initial_bytes{};
  /// The most idle blocks per tier; blocks above that are discarded. Default: only `max_bytes`.
  setting<std::size_t> max_objects{};
  /// The same, with a number for each tier: `{256, 128, 64}`, or `tier_bounds::halving(256, 8)`. It
  /// makes no block ready. If `max_objects` is set too, the lesser of both holds.
  /// `initial_objects` may be at most the least number of the list. Default: no bound.
  tier_bounds max_objects_by_tier{};
  /// The most idle bytes per pool, without thread caches. Default: 256 MiB, without the large cache
  /// too; no bound under `lock_free`, where the count costs an atomic addition per get and put.
  setting<std::size_t> max_bytes{};
  /// The exact number of blocks that may exist per tier; a get throws if all are live. Default: no
  /// bound.
  setting<std::size_t> capacity{};
  /// The most bytes that the pool may hold from its source: slabs, and blocks above the last tier,
  /// with the large cache. Default: no bound.
  setting<std::size_t> limit_bytes{};
  /// The most bytes in the cache for blocks above the last tier; byte pools only. It ages as all
  /// idle memory. Default: 0, no cache.
  setting<std::size_t> large_cache_bytes{};
  /// The most idle bytes in the caches of one thread. The tiers that the thread uses share them: at
  /// first 64 KiB or one block each, then more for those that need it, up to half of it and 1023
  /// blocks. The memory of the caches themselves follows from it when a thread first uses the pool.
  /// If more threads come, a cache keeps blocks above its new share until its thread uses it again.
  /// Default: the lesser of 5 MiB and 64 MiB / threads.
  setting<std::size_t> shard_bytes{};
  /// Bytes of one slab, a power of two from 64 KiB to 1 GiB. Default: 64 KiB; 1 MiB if idle memory
  /// stays and there is no `limit_bytes`, since the heap keeps two pages of its own per slab.
  setting<std::size_t> slab_bytes{};
  /// The least alignment of every block, in bytes: a power of two, at most `slab_bytes`. Buffers,
  /// objects, raw memory and blocks above the last tier begin with their block: 4096 for
  /// `O_DIRECT`. A message lies behind its count, and bytes behind room in front, or in the middle
  /// of a block, are elsewhere. Blocks are at least that far apart, so small tiers need more
  /// memory; `advise` does not count that.
  /// Default: 16, or 64 from 64 bytes on, or that of the object.
  setting<std::size_t> alignment{};
  /// The most bytes that a returned object may hold; object and message pools only. An object that
  /// holds more is replaced by a fresh one, or told to `shrink(bytes)` if it has that member, as
  /// messages have. Containers are measured, alone and as fields of aggregates; other classes
  /// report their bytes by `kept_bytes()`, see `reset_object`. Default: 64 KiB.
  setting<std::size_t> keep_capacity_bytes{};
  /// The least capacity of each container that the pool makes or keeps, and of each that is
  /// requested by capacity, as in `get(0)`; object pools of a type with `reserve` only. A container
  /// that holds more than `keep_capacity_bytes` with it is made anew for each use. What an owner
  /// moves out of a container, or a reset of your own gives back, is gone until a get by capacity.
  /// Default: the factory decides.
  setting<std::size_t> default_capacity{};
  /// `maintain` destroys what was idle for longer than this. Default: it decays.
  setting<time_span> cleanup_interval{};
  /// How often `maintain` gives back half of what was not needed in between, if there is no
  /// `cleanup_interval`; `no_decay` for never. Default: 1 s.
  setting<time_span> decay_interval{};
  /// What `maintain` does with memory that was not needed for long: single blocks of a page or
  /// more, whole slabs of smaller blocks; see `slab_bytes`.
  tarn::idle_memory idle_memory = tarn::idle_memory::give_back;
  /// A ring that receives every requested size at once: `&my_ring`, or `ring_type::locked`.
  /// `snapshot::recent_lengths` has its values then. It needs a recording stats policy. Its gets
  /// leave the hit path, and cost some 20 ns more. Default: only the rings of the policy.
  length_ring recent_lengths{};
  /// When memory is overwritten with zeros. Object and message pools take `none` or `secure`. With
  /// `secure` the memory of an object is overwritten when its destructor has run. An object that is
  /// kept is wiped at each put, before its reset: by its own `void wipe() noexcept`, as messages
  /// have it, or all bytes of its capacity if it is a string or vector of trivially copyable
  /// elements; other kept objects are refused. What an object gave back to the heap as it grew is
  /// out of reach: reserve first. Puts leave the hit path then.
  tarn::zeroing zeroing = tarn::zeroing::none;
  /// What `close` does about blocks that are still live.
  tarn::closing closing = tarn::closing::orphan;

  // The presets are for object pools. A byte pool makes that many blocks of every tier ready, up to
  // `initial_bytes`.

  /// For most programs: 100 objects at first, 1000 kept, idle objects destroyed after 5 minutes.
  [[nodiscard]] static options standard() { return preset(100, 1000, time_span::of_seconds(300)); }

  /// For busy programs: 1000 objects at first, 10000 kept, idle objects destroyed after a minute.
  [[nodiscard]] static options high_throughput() {
    return preset(1000, 10000, time_span::of_seconds(60));
  }

  /// For little memory: 100 objects at first, 1000 kept, idle objects destroyed after 30 seconds.
  [[nodiscard]] static options constrained() {
    return preset(100, 1000, time_span::of_seconds(30));
  }

  /// For a known load: as many objects at first as are live at once, and twice as many kept.
  ///
  /// By Little's law that is the rate of gets times the time that each is held, rounded up.
  ///
  /// Throws: `std::invalid_argument` if a number is negative or not finite, or if their product is
  ///   above 2^40 objects.
  [[nodiscard]] static options for_rate(double operations_per_second,
                                        time_span hold = time_span::of_seconds(10));

 private:
  [[nodiscard]] static options preset(std::size_t initial, std::size_t max, time_span cleanup) {
    options made;
    made.initial_objects = initial;
    made.max_objects = max;
    made.cleanup_interval = cleanup;
    return made;
  }
};

inline options options::for_rate(double operations_per_second, time_span hold) {
  constexpr auto most_count = detail::cast_to<std::size_t>(
      detail::min_of<std::uint64_t>(std::uint64_t{1} << 40, detail::max_size));
  constexpr auto most = static_cast<double>(most_count);
  // Negated comparisons, so that NaN is refused too.
  if (!(operations_per_second >= 0 && operations_per_second <= most)) {
    detail::throw_invalid("operations_per_second", operations_per_second, "must be from 0 to",
                          most_count);
  }
  if (hold.count() < 0) detail::throw_invalid("hold ns", hold.count(), "must be at least", 0);
  const double out = operations_per_second * static_cast<double>(hold.count()) / 1e9;
  if (!(out <= most)) {
    detail::throw_invalid("objects held at once", out, "must be at most", most_count);
  }
  const auto whole = static_cast<std::size_t>(out);
  options made;
  made.initial_objects = whole + (static_cast<double>(whole) < out);
  made.max_objects = *made.initial_objects * 2;
  return made;
}

/// Checks that the options do not contradict each other. An absent option counts with its default.
///
/// Throws: `std::invalid_argument`, with the name of the option, its value and the limit.
inline void validate(const options& o) {
  const auto at_most = [](const char* what, const setting<std::size_t>& value, const char* rule,
                          const setting<std::size_t>& limit) {
    if (value && limit && *value > *limit) detail::throw_invalid(what, *value, rule, *limit);
  };
  at_most("initial_objects", o.initial_objects, "must be at most max_objects,", o.max_objects);
  if (!o.max_objects_by_tier.empty()) {
    at_most("initial_objects", o.initial_objects,
            "must be at most the least of max_objects_by_tier,", o.max_objects_by_tier.least());
  }
  at_most("initial_objects", o.initial_objects, "must be at most capacity,", o.capacity);
  at_most("initial_bytes", o.initial_bytes, "must be at most max_bytes,",
          o.max_bytes.value_or(options::default_max_bytes));
  at_most("initial_bytes", o.initial_bytes, "must be at most limit_bytes,", o.limit_bytes);

  const std::size_t slab = o.slab_bytes.value_or(options::default_slab_bytes);
  if (slab < options::min_slab_bytes) {
    detail::throw_invalid("slab_bytes", slab, "must be at least", options::min_slab_bytes);
  }
  at_most("slab_bytes", slab, "must be at most", options::max_slab_bytes);
  if ((slab & (slab - 1)) != 0) {
    detail::throw_invalid("slab_bytes", slab, "must be a power of two from 65536 to 1073741824");
  }
  if (const std::size_t a = o.alignment.value_or(1); a == 0 || (a & (a - 1)) != 0) {
    detail::throw_invalid("alignment", a, "must be a power of two");
  }
  at_most("alignment", o.alignment, "must be at most slab_bytes,", slab);
  if (o.cleanup_interval && o.cleanup_interval->count() < 0) {
    detail::throw_invalid("cleanup_interval ns", o.cleanup_interval->count(), "must be at least",
                          0);
  }
  if (o.decay_interval && o.decay_interval->count() < 0) {
    detail::throw_invalid("decay_interval ns", o.decay_interval->count(), "must be at least", 0);
  }
  if (o.zeroing > zeroing::secure) {
    detail::throw_invalid("zeroing", static_cast<unsigned>(o.zeroing), "must be at most",
                          static_cast<unsigned>(zeroing::secure));
  }
  if (o.idle_memory > idle_memory::purge) {
    detail::throw_invalid("idle_memory", static_cast<unsigned>(o.idle_memory), "must be at most",
                          static_cast<unsigned>(idle_memory::purge));
  }
  if (o.closing > closing::abort) {
    detail::throw_invalid("closing", static_cast<unsigned>(o.closing), "must be at most",
                          static_cast<unsigned>(closing::abort));
  }
}

}  // namespace tarn
