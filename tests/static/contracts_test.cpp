// SPDX-License-Identifier: MIT
//
// The promises of types: sizes, noexcept, movability, and the types that the concepts accept.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <ranges>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/tarn.hpp>

#include "static/instantiation.hpp"
#include "support/catch.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

// --- lock policies -------------------------------------------------------------------------------

struct lock_without_try {
  void lock();
  void unlock();
};
struct lock_that_needs_a_name {
  explicit lock_that_needs_a_name(const char*);
  void lock();
  bool try_lock();
  void unlock();
};
static_assert(tarn::lockable<std::mutex>);
static_assert(tarn::lockable<std::shared_mutex>);
static_assert(tarn::lockable<tarn::spin_lock>);
static_assert(tarn::lockable<tarn::system_mutex>);
static_assert(!tarn::lockable<int>);
static_assert(!tarn::lockable<lock_without_try>);
static_assert(!tarn::lockable<lock_that_needs_a_name>);
static_assert(tarn::lock_policy<tarn::lock_free>);
static_assert(tarn::lock_policy<tarn::thread_cached<>>);
static_assert(tarn::lock_policy<tarn::per_cpu<>>);
static_assert(tarn::lock_policy<tarn::per_cpu<std::mutex>>);
static_assert(tarn::is_concurrent_v<tarn::per_cpu<>>);
static_assert(!tarn::lock_policy<int>);
static_assert(!tarn::lock_policy<lock_without_try>);
static_assert(!tarn::is_concurrent_v<tarn::no_lock>);
static_assert(tarn::is_concurrent_v<test::counting_lock>);
static_assert(std::is_empty_v<tarn::no_lock>);

// --- stats policies ------------------------------------------------------------------------------

template <bool Throws>
struct stats_that_throw : tarn::counting_stats {
  template <class Counter>
  struct recorder {
    void on_get(std::uint32_t, std::size_t) noexcept(!Throws) {}
    void on_put(std::uint32_t) noexcept {}
    void on_oversize(std::size_t) noexcept {}
  };
};
struct stats_without_oversize : tarn::counting_stats {
  template <class Counter>
  struct recorder {
    void on_get(std::uint32_t, std::size_t) noexcept {}
    void on_put(std::uint32_t) noexcept {}
  };
};
static_assert(tarn::stats_policy<tarn::no_stats>);
static_assert(tarn::stats_policy<tarn::counting_stats>);
static_assert(tarn::stats_policy<tarn::basic_recording_stats<1>>);
static_assert(tarn::stats_policy<test::byte_stats>);
static_assert(tarn::stats_policy<stats_that_throw<false>>);
static_assert(!tarn::stats_policy<stats_that_throw<true>>);
static_assert(!tarn::stats_policy<stats_without_oversize>);
static_assert(!tarn::stats_policy<int>);

// --- check policies and sources ------------------------------------------------------------------

struct source_whose_return_may_fail {
  void* allocate(std::size_t, std::size_t);
  void deallocate(void*, std::size_t, std::size_t);
};
struct source_without_alignment {
  void* allocate(std::size_t);
  void deallocate(void*, std::size_t) noexcept;
};
static_assert(tarn::check_policy<tarn::no_check>);
static_assert(tarn::check_policy<tarn::checked>);
static_assert(!tarn::check_policy<int>);
static_assert(tarn::memory_source<tarn::heap_source>);
static_assert(tarn::memory_source<tarn::page_source>);
static_assert(tarn::memory_source<test::failing_source>);
static_assert(!tarn::memory_source<source_whose_return_may_fail>);
static_assert(!tarn::memory_source<source_without_alignment>);
static_assert(!tarn::memory_source<std::allocator<std::byte>>);

// --- handles -------------------------------------------------------------------------------------

template <class Handle>
constexpr bool is_a_good_handle =
    std::is_nothrow_default_constructible_v<Handle> &&
    std::is_nothrow_move_constructible_v<Handle> && std::is_nothrow_move_assignable_v<Handle> &&
    std::is_nothrow_swappable_v<Handle> && std::is_nothrow_destructible_v<Handle> &&
    !std::is_copy_constructible_v<Handle> && !std::is_copy_assignable_v<Handle> &&
    noexcept(std::declval<Handle&>().reset());

static_assert(sizeof(tarn::buffer) == 4 * sizeof(void*));
static_assert(std::ranges::contiguous_range<tarn::buffer>);
static_assert(std::ranges::contiguous_range<const tarn::buffer>);
static_assert(std::ranges::sized_range<tarn::buffer>);
static_assert(std::is_constructible_v<std::span<std::byte>, tarn::buffer&>);
static_assert(std::is_constructible_v<std::span<const std::byte>, const tarn::buffer&>);
static_assert(!std::is_constructible_v<std::span<std::byte>, const tarn::buffer&>);
static_assert(!std::is_convertible_v<tarn::buffer, bool>);

using strings = tarn::object_pool<std::string>;
static_assert(sizeof(strings::handle) == 2 * sizeof(void*));
static_assert(!std::is_convertible_v<strings::handle, bool>);

// --- pools ---------------------------------------------------------------------------------------

template <class Pool>
constexpr bool stays_where_it_is =
    !std::is_copy_constructible_v<Pool> && !std::is_copy_assignable_v<Pool> &&
    !std::is_move_constructible_v<Pool> && !std::is_move_assignable_v<Pool> &&
    std::is_nothrow_destructible_v<Pool> && !std::is_convertible_v<tarn::options, Pool>;

template <class Pool>
constexpr bool upkeep_cannot_throw =
    noexcept(std::declval<Pool&>().close()) && noexcept(std::declval<Pool&>().drain()) &&
    noexcept(std::declval<Pool&>().clear()) && noexcept(std::declval<Pool&>().trim()) &&
    noexcept(std::declval<Pool&>().maintain());

template <class Policy>
constexpr bool keeps_the_contract() {
  using lock = typename Policy::lock;
  using stats = typename Policy::stats;
  using bytes = tarn::byte_pool<lock, stats>;
  using unsized = tarn::unsized_pool<lock, stats>;
  using objects = tarn::object_pool<std::vector<int>, lock, stats>;
  static_assert(stays_where_it_is<bytes> && upkeep_cannot_throw<bytes>);
  static_assert(stays_where_it_is<unsized>);
  static_assert(stays_where_it_is<objects> && upkeep_cannot_throw<objects>);
  static_assert(is_a_good_handle<typename bytes::buffer>);
  static_assert(is_a_good_handle<typename objects::handle>);
  static_assert(sizeof(typename bytes::buffer) == sizeof(tarn::buffer));
  static_assert(noexcept(std::declval<bytes&>().try_get(1)));
  static_assert(noexcept(std::declval<bytes&>().try_get_at_least(1)));
  static_assert(noexcept(std::declval<bytes&>().try_allocate(1)));
  static_assert(noexcept(std::declval<bytes&>().deallocate(nullptr, 1)));
  static_assert(noexcept(std::declval<bytes&>().put(typename bytes::buffer())));
  static_assert(!noexcept(std::declval<bytes&>().get(1)));
  return true;
}

template <class... Policies>
constexpr bool all_keep_the_contract(std::tuple<Policies...>*) {
  return (keeps_the_contract<Policies>() && ...);
}
static_assert(all_keep_the_contract(static_cast<test::every_policy*>(nullptr)));

// Policies without state take no room.
using quiet = tarn::byte_pool<tarn::no_lock, tarn::no_stats>;
using counting = tarn::byte_pool<tarn::no_lock, tarn::counting_stats>;
static_assert(sizeof(quiet) == sizeof(counting));
static_assert(sizeof(quiet) <= 160);  // its settings; all other state is in its core

}  // namespace

TEST_CASE("sizes, exceptions, moves and concepts are as promised", "[static]") {
  // The compiler has checked all of it. A recorder is as large as its members:
  CHECK(sizeof(tarn::no_stats::recorder<int>) == 1);
  CHECK(sizeof(tarn::recording_stats::recorder<std::uint64_t>) ==
        sizeof(std::uint64_t) * (3 + 256 + tarn::size_buckets::count + 64));
}
