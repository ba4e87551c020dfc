// SPDX-License-Identifier: MIT
//
// The pools of the pipeline, of any lock and stats policy: messages out of a message_pool, whose
// payloads are shared buffers out of a byte_pool.

#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/message.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "run.hpp"
#include "tiers.hpp"

namespace pipeline {

/// A side of `run`.
template <class Lock, class Stats>
class record_pools {
 public:
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

  using unique = typename message_pool::handle;
  using shared = typename message_pool::shared;
  using writer = tarn::fast_buffer;

  [[nodiscard]] unique take(std::size_t size) {
    auto m = messages_.get();
    m->value = payloads_.get_shared(size);
    return m;
  }
  [[nodiscard]] static std::byte* bytes(const unique& m) { return m->value.make_unique().data(); }
  static void share(unique&& m, std::array<shared, 2>& to) noexcept {
    message_pool::share(std::move(m), to);
  }

  [[nodiscard]] byte_pool& payloads() noexcept { return payloads_; }
  [[nodiscard]] const byte_pool& payloads() const noexcept { return payloads_; }
  [[nodiscard]] message_pool& messages() noexcept { return messages_; }
  [[nodiscard]] const message_pool& messages() const noexcept { return messages_; }

 private:
  byte_pool payloads_{tarn::options{.name = "payloads"}};
  message_pool messages_{tarn::options{.name = "messages"}};
};

}  // namespace pipeline
