// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <vector>

#include <tarn/object_pool.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/maintainer.hpp>
#include <tarn/observe/registry.hpp>

#include "../pipeline/record_pools.hpp"

namespace observatory {

/// The pools of the program, named and watched.
///
/// All of them record their requests; they differ in the work of their threads.
class pools {
 public:
  using records_type = pipeline::record_pools<tarn::thread_cached<>, tarn::recording_stats>;
  /// Few and large blocks: more of them are followed than one in 128.
  using upload_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::basic_recording_stats<256, 8>,
                                      tarn::traits<tarn::page_tiers>>;
  /// For the server's threads. There are many, each with little work: so the pool has a lock
  /// instead of a cache per thread.
  using answer_pool = tarn::byte_pool<std::mutex, tarn::recording_stats,
                                      tarn::traits<tarn::power_of_two_tiers<1024, 1 << 20>>>;

  /// The data of a user who is logged in. The bound on idle sessions starts low, so a monitor has
  /// to find the right one.
  using session = std::array<std::byte, std::size_t{16} << 10>;
  using session_pool = tarn::object_pool<session, std::mutex, tarn::recording_stats>;

  static constexpr std::size_t count = 5;

  pools() {
    publications_.push_back(registry_.publish(records.payloads()));
    publications_.push_back(registry_.publish(records.messages()));
    publications_.push_back(registry_.publish(sessions));
    publications_.push_back(registry_.publish(uploads));
    publications_.push_back(registry_.publish(answers));
    watches_.push_back(events.watch(records.payloads()));
    watches_.push_back(events.watch(records.messages()));
    watches_.push_back(events.watch(sessions));
    watches_.push_back(events.watch(uploads));
    watches_.push_back(events.watch(answers));
    upkeep_.start();
  }

  [[nodiscard]] const tarn::pool_registry& registry() const noexcept { return registry_; }

  tarn::event_log events;
  records_type records;
  session_pool sessions{{.name = "sessions", .max_objects = 32}};
  upload_pool uploads{{.name = "uploads", .large_cache_bytes = std::size_t{16} << 20}};
  answer_pool answers{{.name = "answers"}};

 private:
  tarn::pool_registry registry_;
  std::vector<tarn::publication> publications_;
  std::vector<tarn::pool_watch> watches_;
  tarn::maintainer upkeep_{registry_};  // last member: its thread uses the others
};

}  // namespace observatory
