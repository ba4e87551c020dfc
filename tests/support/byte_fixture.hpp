// SPDX-License-Identifier: MIT
//
// A byte pool on a source with a ledger, which must balance at the end of the test.

#pragma once

#include <optional>
#include <string>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/tiers.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace test {

template <class P, class Tiers = tarn::power_of_two_tiers<>, class Check = tarn::no_check>
using byte_pool_for = tarn::byte_pool<typename P::lock, typename P::stats,
                                      tarn::traits<Tiers, Check, failing_source>>;

/// Whether the locks of a pool policy leave caches in threads, which bounds do not reach.
template <class P>
inline constexpr bool has_thread_caches = false;
template <class L, class S>
inline constexpr bool has_thread_caches<policies<tarn::thread_cached<L>, S>> = true;
template <class P>
inline constexpr bool is_lock_free = std::is_same_v<typename P::lock, tarn::lock_free>;
template <class P>
inline constexpr bool is_concurrent = tarn::is_concurrent_v<typename P::lock>;

/// All blocks that a test took from the pool must be back when the fixture ends, except those that
/// it declares as kept: then the last of these gives the memory back.
template <class P, class Tiers = tarn::power_of_two_tiers<>, class Check = tarn::no_check>
struct byte_fixture {
  using pool_type = byte_pool_for<P, Tiers, Check>;
  using buffer = typename pool_type::buffer;

  explicit byte_fixture(tarn::options o = {}, Tiers tiers = {}) {
    pool_.emplace(std::move(o), std::move(tiers), source);
  }
  ~byte_fixture() {
    if (pool_) {
      CHECK(imbalance() == "");
      CHECK(pool_->occupancy().in_use() == 0);
      CHECK(pool_->occupancy().nodes.in_use == 0);
      pool_.reset();
    }
    CHECK(source.live_bytes() == 0);
    CHECK(source.faults() == 0);
  }
  byte_fixture(const byte_fixture&) = delete;
  byte_fixture& operator=(const byte_fixture&) = delete;

  [[nodiscard]] pool_type& operator*() { return *pool_; }
  [[nodiscard]] pool_type* operator->() { return &*pool_; }
  [[nodiscard]] std::string imbalance() const { return test::imbalance(*pool_, source); }
  /// Ends the pool, whatever blocks are out.
  void end_pool() { pool_.reset(); }

  failing_source source;

 private:
  std::optional<pool_type> pool_;
};

}  // namespace test
