// SPDX-License-Identifier: MIT
//
// The pipeline on pools of any lock and stats policy: messages out of a message_pool, whose
// payloads are shared buffers out of a byte_pool.

#pragma once

#include <algorithm>

#include <tarn/byte_pool.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/message.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "subject.hpp"

namespace pipeline {

template <class Lock, class Stats>
class pooled final : public pooled_subject {
  using byte_pool = tarn::byte_pool<Lock, Stats, tarn::traits<tiers>>;
  using payload = typename byte_pool::shared_buffer;

  struct message : tarn::basic_message<payload> {
    progress_of_record progress;

    void reset() noexcept {
      tarn::basic_message<payload>::reset();
      progress = {};
    }
  };
  using message_pool = tarn::message_pool<message, Lock, Stats>;

 public:
  using unique = typename message_pool::handle;
  using shared = typename message_pool::shared;
  using writer = tarn::fast_buffer;

  [[nodiscard]] unique take(std::size_t size) {
    auto m = messages_.get();
    m->value = bytes_.get_shared(size);
    return m;
  }
  [[nodiscard]] static std::byte* bytes(const unique& m) { return m->value.make_unique().data(); }
  static void share(unique&& m, std::array<shared, 2>& to) noexcept {
    message_pool::share(std::move(m), to);
  }

  result run(const work& job, const watcher& watch) override {
    return pipeline::run(job, *this, watch);
  }

  numbers read() const override {
    numbers n;
    n.messages_in_use = messages_.occupancy().in_use();
    if constexpr (Stats::counts) {
      n.pool = bytes_.snapshot();
      n.counts = true;
      n.message_gets = messages_.snapshot().total().gets;
    } else {
      // Without counts there is still where every block is.
      const auto now = bytes_.occupancy();
      n.pool.large = now.large;
      n.pool.slab_bytes = now.slab_bytes;
      static_cast<tarn::tier_occupancy&>(n.pool.nodes) = now.nodes;
      for (const auto& t : now.tiers)
        static_cast<tarn::tier_occupancy&>(n.pool.tiers.emplace_back()) = t;
    }
    return n;
  }
  std::size_t held_bytes() const override {
    return bytes_.occupancy().slab_bytes + messages_.occupancy().slab_bytes;
  }
  std::size_t trim() override { return bytes_.trim() + messages_.trim(); }

 private:
  byte_pool bytes_{tarn::options{.name = "payloads"}};
  message_pool messages_{tarn::options{.name = "messages"}};
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
