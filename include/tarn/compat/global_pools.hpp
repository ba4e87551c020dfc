// SPDX-License-Identifier: MIT
//
// Pools that a program need not declare: one per size class, and one per type. The first use makes
// and publishes them. They are never destroyed.
//
//   auto b = tarn::global_pools().get(3000);        // from the pool "global-4096"
//   auto s = tarn::pool_of<std::string>().get();
//
// With other policies, and with options, before the first use:
//
//   auto& all =
//   tarn::global_pools<tarn::checked_sized_pools>(tarn::sized_pools_options::portask());
//   all.start();                                    // the monitors

#pragma once

#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/immortal.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/detail/ticker.hpp>
#include <tarn/observe/monitor.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/policy/runtime_tiers.hpp>

namespace tarn {

/// The options of sized pools.
struct sized_pools_options {
  static constexpr std::size_t default_largest = std::size_t{64} << 20;
  static constexpr std::size_t default_max_objects = 1000;

  /// A pool is named "prefix-size".
  std::string prefix = "global";
  /// The largest class; larger requests are refused.
  std::size_t largest = default_largest;
  /// The options of every pool, without a name. Default: 1000 idle blocks are kept.
  options each = kept(default_max_objects);
  /// Whether a monitor adapts the bound of each pool to its load: see `start` and `tick`.
  bool is_monitored = false;
  monitor_options monitor{};

  /// As Portask's global pools: 50 blocks ready at first (at most 1 MiB per pool), 1000 kept, and a
  /// monitor for each.
  [[nodiscard]] static sized_pools_options portask() {
    sized_pools_options made;
    made.each.initial_objects = 50;
    made.each.initial_bytes = std::size_t{1} << 20;
    made.each.zeroing = zeroing::on_get;
    made.is_monitored = true;
    return made;
  }

 private:
  [[nodiscard]] static options kept(std::size_t most) {
    options o;
    o.max_objects = most;
    return o;
  }
};

/// One byte pool per size class. A class is a power of two, so that a hundred odd sizes do not make
/// a hundred pools. The first get of a class makes its pool and publishes it under "prefix-size".
///
/// A put never makes a pool. If the name is taken or the registry is full, the pool works
/// unpublished.
///
/// Thread safety: any thread may call any member except the destructor at any time.
template <class Lock, class Stats, class Check, class Source>
class basic_sized_pools {
  static_assert(is_concurrent_v<Lock>,
                "basic_sized_pools: any thread uses these pools, so the lock can't be no_lock");

 public:
  using pool_type = byte_pool<Lock, Stats, traits<runtime_tiers, Check, Source>>;
  using buffer = typename pool_type::buffer;

  static constexpr bool is_checked = Check::enabled;
  static constexpr std::size_t least_bytes = 64;
  static constexpr std::size_t default_largest = sized_pools_options::default_largest;
  static constexpr std::size_t default_max_objects = sized_pools_options::default_max_objects;

  /// Throws: `std::invalid_argument` if the prefix is empty, if `largest` is not a power of two
  /// from 64 to 2^40, if the options of pools or monitors are not valid, or if there are to be
  /// monitors and `Stats` does not count.
  basic_sized_pools() : basic_sized_pools(pools()) {}
  explicit basic_sized_pools(pool_registry& seen_in) : basic_sized_pools(seen_in, options_type()) {}
  basic_sized_pools(pool_registry& seen_in, sized_pools_options o)
      : seen_in_(seen_in), options_(std::move(o)) {
    if (options_.prefix.empty()) {
      detail::throw_invalid("length of the prefix", 0, "must be at least", 1);
    }
    if (options_.largest < least_bytes || options_.largest > detail::max_tier_bytes ||
        !std::has_single_bit(options_.largest)) {
      detail::throw_invalid("largest", options_.largest, "must be a power of two from 64 to",
                            detail::max_tier_bytes);
    }
    tarn::validate(options_.each);
    tarn::validate(options_.monitor);
    if (options_.is_monitored && !Stats::counts) {
      throw std::invalid_argument(
          "tarn: monitors of sized pools need a stats policy that counts, such as counting_stats");
    }
  }
  // A template, so that a list in braces is never taken for a prefix.
  template <std::convertible_to<std::string_view> Prefix>
  explicit basic_sized_pools(pool_registry& seen_in, const Prefix& prefix,
                             std::size_t largest = default_largest,
                             options each = default_options())
      : basic_sized_pools(seen_in, options_type{std::string(std::string_view(prefix)), largest,
                                                std::move(each)}) {}
  basic_sized_pools(const basic_sized_pools&) = delete;
  basic_sized_pools& operator=(const basic_sized_pools&) = delete;
  ~basic_sized_pools() {
    ticker_.stop();
    for (auto& place : pools_)
      delete place.load(std::memory_order::acquire);
  }

  /// The block size of the class of `size`. Throws: `std::length_error` above the largest class.
  [[nodiscard]] std::size_t class_of(std::size_t size) const {
    if (size > options_.largest) {
      detail::throw_length("size", size, "must be at most", options_.largest);
    }
    return size <= least_bytes ? least_bytes : std::bit_ceil(size);
  }
  /// Returns: the pool for `size`. Makes it at the first call.
  /// Throws: as `class_of`; as the constructor of a pool with these options; `std::bad_alloc`.
  [[nodiscard]] pool_type& pool(std::size_t size) {
    const auto bytes = class_of(size);
    auto& place = place_of(bytes);
    // (1) acquire, pairs with (2): a visible pool is complete.
    if (named* const there = place.load(std::memory_order::acquire)) return there->pool;
    options o = options_.each;
    o.name = options_.prefix + '-' + std::to_string(bytes);
    auto made = std::make_unique<named>(std::move(o), bytes);
    if constexpr (Stats::counts) {
      if (options_.is_monitored) made->watching.emplace(made->pool, options_.monitor);
    }
    named* first = nullptr;
    // (2) release, pairs with (1); acquire: also pairs with the (2) of a thread that was first.
    if (!place.compare_exchange_strong(first, made.get(), std::memory_order::acq_rel,
                                       std::memory_order::acquire)) {
      return first->pool;
    }
    named* const mine = made.release();
    mine->seen = seen_in_.try_publish(mine->pool);
    return mine->pool;
  }
  /// Returns: the pool for `size`; null if it was not made yet.
  [[nodiscard]] pool_type* find(std::size_t size) const noexcept {
    named* const there = find_named(size);
    return there != nullptr ? &there->pool : nullptr;
  }

  /// Gets a buffer of `size` bytes. Throws: as `pool`, and as `byte_pool::get`.
  [[nodiscard]] buffer get(std::size_t size) { return pool(size).get(size); }
  /// Gives a buffer back to the pool it came from.
  static void put(buffer&& b) noexcept { b.reset(); }

  /// Gets raw memory of at least `size` bytes. Throws: as `get`.
  [[nodiscard]] void* allocate(std::size_t size) { return pool(size).allocate(size); }
  /// Gives raw memory of `capacity` bytes back.
  ///
  /// Returns: false, without an effect, if the memory is not in a slab of one of these pools. Only
  ///   `checked` pools detect and count a double return.
  bool deallocate(void* p, std::size_t capacity) noexcept {
    pool_type* const home = find(capacity);
    if (home == nullptr || !home->owns(p)) return false;
    home->deallocate(p, capacity);
    return true;
  }

  /// The number of pools made so far.
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t count = 0;
    for (const auto& place : pools_)
      count += place.load(std::memory_order::relaxed) != nullptr;  // a number: the pool is not read
    return count;
  }
  /// As `byte_pool::trim` for each pool. Returns: the number of bytes that all pools gave back.
  std::size_t trim() noexcept {
    std::size_t given = 0;
    for (auto& place : pools_) {
      if (named* const there = place.load(std::memory_order::acquire)) given += there->pool.trim();
    }
    return given;
  }

  // Monitors. Without `sized_pools_options::is_monitored` these do nothing.

  /// Checks each pool whose interval is over. `now`: on the clock of snapshots. Returns: the number
  /// of bounds that were changed. Throws: as `monitor::tick`.
  std::size_t tick(time_span now) {
    std::size_t changed = 0;
    for (auto& place : pools_) {
      named* const there = place.load(std::memory_order::acquire);
      if (there == nullptr || !there->watching) continue;
      if constexpr (Stats::counts) {
        for (const auto& found : there->watching->tick(now))
          changed += found.done;
      }
    }
    return changed;
  }
  /// Ticks at every interval of the monitors, on one thread for all pools. Throws:
  /// `std::system_error` if the system can't start a thread.
  void start() {
    if (options_.is_monitored) ticker_.start(options_.monitor.interval);
  }
  /// Ends that thread, after a tick that is under way.
  void stop() noexcept { ticker_.stop(); }
  [[nodiscard]] bool running() const noexcept { return ticker_.running(); }

  [[nodiscard]] static options default_options() { return sized_pools_options().each; }

 private:
  using options_type = sized_pools_options;
  struct no_monitor {};
  using monitor_type =
      typename std::conditional_t<Stats::counts, std::type_identity<tarn::monitor<pool_type>>,
                                  std::type_identity<no_monitor>>::type;
  struct named {
    named(options o, std::size_t bytes) : pool(std::move(o), runtime_tiers{bytes}) {}
    pool_type pool;
    publication seen;  // set by the thread that made the pool, before the pool can end
    std::optional<monitor_type> watching;
  };
  static constexpr std::size_t classes = 41;  // 2^0 to 2^40 bytes

  [[nodiscard]] named* find_named(std::size_t size) const noexcept {
    if (size > options_.largest) return nullptr;
    return place_of(class_of(size)).load(std::memory_order::acquire);
  }
  [[nodiscard]] static std::size_t index_of(std::size_t bytes) noexcept {
    return static_cast<std::size_t>(std::countr_zero(bytes));
  }
  [[nodiscard]] std::atomic<named*>& place_of(std::size_t bytes) noexcept {
    return pools_[index_of(bytes)];
  }
  [[nodiscard]] const std::atomic<named*>& place_of(std::size_t bytes) const noexcept {
    return pools_[index_of(bytes)];
  }

  pool_registry seen_in_;
  sized_pools_options options_;
  std::atomic<named*> pools_[classes] = {};
  ticker ticker_{[this](time_span now) { static_cast<void>(tick(now)); }};
};

/// The sized pools of the program with these policies. The first use makes them. Never destroyed.
///
/// `global_pools<checked_sized_pools>()` are other pools than `global_pools()`. Their prefix is
/// "global-checked"; other pools beside these need options with a prefix, or they stay unpublished.
template <class Pools = sized_pools>
[[nodiscard]] Pools& global_pools();
/// Makes the sized pools of the program with these options. To be called before their first use.
/// The default prefix is "global-checked" for checked pools here, too.
///
/// Throws: `std::logic_error` if they exist already; as their constructor.
template <class Pools = sized_pools>
Pools& global_pools(sized_pools_options o);

/// The name of the pool of `T`. The compiler's name for `T`, unless specialised:
///
///   template <>
///   inline constexpr std::string_view tarn::type_label<session> = "sessions";
template <class T>
inline constexpr std::string_view type_label = {};

namespace detail {

/// The sized pools of the program, and whether this call made them.
template <class Pools>
[[nodiscard]] std::pair<Pools&, bool> only_sized_pools(sized_pools_options&& o) {
  bool is_made = false;
  static immortal<Pools> all(pools(), [&] {
    is_made = true;
    if (Pools::is_checked && o.prefix == sized_pools_options().prefix) o.prefix = "global-checked";
    return std::move(o);
  }());
  return {*all, is_made};
}

/// The object pool of the program for `T`, and whether this call made it.
template <class T, class Lock, class Stats, class Traits>
[[nodiscard]] std::pair<object_pool<T, Lock, Stats, Traits>&, bool> only_pool_of(options&& o) {
  struct named {
    explicit named(options of) : pool(std::move(of)) {
      if constexpr (is_concurrent_v<Lock>) seen = pools().try_publish(pool);
    }
    object_pool<T, Lock, Stats, Traits> pool;
    publication seen;
  };
  bool is_made = false;
  static immortal<named> only([&] {
    is_made = true;
    if (o.name.empty()) {
      o.name = "type-" + std::string(type_label<T>.empty() ? name_of_type<T>() : type_label<T>);
    }
    return std::move(o);
  }());
  return {only->pool, is_made};
}

}  // namespace detail

template <class Pools>
Pools& global_pools() {
  return detail::only_sized_pools<Pools>(sized_pools_options()).first;
}
template <class Pools>
Pools& global_pools(sized_pools_options o) {
  const auto [all, is_made] = detail::only_sized_pools<Pools>(std::move(o));
  if (!is_made) throw std::logic_error("tarn: the global pools were used already");
  return all;
}

/// The object pool of the program for `T` with these policies. Its first use makes it, with at most
/// 1000 idle objects, and publishes it as "type-" and its label. Never destroyed.
///
/// If that name is taken or the registry is full, the pool works unpublished.
template <class T, class Lock = thread_cached<>, class Stats = counting_stats,
          class Traits = object_traits<>>
[[nodiscard]] object_pool<T, Lock, Stats, Traits>& pool_of() {
  options o;
  o.max_objects = sized_pools_options::default_max_objects;
  return detail::only_pool_of<T, Lock, Stats, Traits>(std::move(o)).first;
}
/// Makes that pool with these options. To be called before its first use. Without a name, it has
/// the same name as otherwise.
///
/// Throws: `std::logic_error` if it exists already; as its constructor.
template <class T, class Lock = thread_cached<>, class Stats = counting_stats,
          class Traits = object_traits<>>
object_pool<T, Lock, Stats, Traits>& pool_of(options o) {
  const auto [pool, is_made] = detail::only_pool_of<T, Lock, Stats, Traits>(std::move(o));
  if (!is_made) throw std::logic_error("tarn: pool '" + pool.name() + "' was used already");
  return pool;
}

}  // namespace tarn
