// SPDX-License-Identifier: MIT
//
// The pipeline on pools of any lock and stats policy.

#pragma once

#include <memory>

#include "record_pools.hpp"
#include "subject.hpp"

namespace pipeline {

template <class Lock, class Stats>
class pooled final : public pooled_subject {
 public:
  result run(const work& job, const observer& watch) override {
    return pipeline::run(job, pools_, watch);
  }

  numbers read() const override {
    const auto& bytes = pools_.payloads();
    const auto& messages = pools_.messages();
    numbers n;
    n.messages_in_use = messages.occupancy().in_use();
    if constexpr (Stats::counts) {
      n.pool = bytes.snapshot();
      n.counts = true;
      n.message_gets = messages.snapshot().total().gets;
    } else {
      // Without counts the state of every block is still known.
      const auto now = bytes.occupancy();
      n.pool.large = now.large;
      n.pool.slab_bytes = now.slab_bytes;
      static_cast<tarn::tier_occupancy&>(n.pool.nodes) = now.nodes;
      for (const auto& t : now.tiers)
        static_cast<tarn::tier_occupancy&>(n.pool.tiers.emplace_back()) = t;
    }
    return n;
  }
  std::size_t held_bytes() const override {
    return pools_.payloads().occupancy().slab_bytes + pools_.messages().occupancy().slab_bytes;
  }
  std::size_t trim() override { return pools_.payloads().trim() + pools_.messages().trim(); }

 private:
  record_pools<Lock, Stats> pools_;
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
