// SPDX-License-Identifier: MIT
//
// The pipeline on a tarn::byte_pool of any lock and stats policy.

#pragma once

#include <algorithm>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "subject.hpp"

namespace pipeline {

template <class Lock, class Stats>
class pooled final : public pooled_subject {
  using pool_type = tarn::byte_pool<Lock, Stats, tarn::traits<tiers>>;

 public:
  result run(const work& job, const watcher& watch) override {
    return pipeline::run<typename pool_type::buffer>(
        job, [this](std::size_t size) { return pool_.get(size); }, watch);
  }

  numbers read() const override {
    if constexpr (Stats::counts) {
      return {pool_.snapshot(), true};
    } else {
      // Without counts there is still where every block is.
      const auto now = pool_.occupancy();
      numbers n;
      n.pool.large = now.large;
      n.pool.slab_bytes = now.slab_bytes;
      for (const auto& t : now.tiers)
        static_cast<tarn::tier_occupancy&>(n.pool.tiers.emplace_back()) = t;
      return n;
    }
  }
  std::size_t held_bytes() const override { return pool_.occupancy().slab_bytes; }
  std::size_t trim() override { return pool_.trim(); }

 private:
  pool_type pool_{tarn::options{.name = "records"}};
};

template <class Lock>
[[nodiscard]] std::unique_ptr<pooled_subject> make_pooled_with(std::size_t stats) {
  switch (stats) {
    case 0:
      return std::make_unique<pooled<Lock, tarn::no_stats>>();
    case 1:
      return std::make_unique<pooled<Lock, tarn::counting_stats>>();
    default:
      return std::make_unique<pooled<Lock, tarn::recording_stats>>();
  }
}

}  // namespace pipeline
