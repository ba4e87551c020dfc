// SPDX-License-Identifier: MIT
//
// Pools with all kinds of values, always the same: the input of the checkers.

#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/compat/seeds.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/record.hpp>
#include <tarn/record_batch.hpp>

namespace test {

struct scripted_pools {
  using recording_pool = tarn::byte_pool<std::mutex, tarn::recording_stats,
                                         tarn::traits<tarn::power_of_two_tiers<>, tarn::checked>>;

  scripted_pools() {
    for (std::size_t size = 1; size < 300'000; size += size / 7 + 1) {
      static_cast<void>(frames.get(size));
      static_cast<void>(buffers.get(size));
    }
    static_cast<void>(frames.get(std::size_t{5} << 20));
    std::array<std::byte, 128> foreign{};
    frames.deallocate(foreign.data(), foreign.size());
    out.push_back(frames.get(1000));
    out.push_back(frames.get(std::size_t{3} << 20));
    shared.push_back(frames.get_shared(4096));
    shared.push_back(shared.back());
    for (int i = 0; i != 10; ++i)
      static_cast<void>(names.get());
    static_cast<void>(records.get());
    batches.get()->add().value.assign("record");
    static_cast<void>(buffers.get(std::size_t{17} << 20));
  }

  /// The last pool has a name that needs every escape, and no blocks.
  [[nodiscard]] std::vector<tarn::snapshot> snapshots() const {
    return {frames.snapshot(),  buffers.snapshot(), names.snapshot(),
            records.snapshot(), batches.snapshot(), odd.snapshot()};
  }

  recording_pool frames{{.name = "frames", .max_objects = 100}};
  tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats, tarn::traits<tarn::kafka_tiers>>
      buffers{{.name = "buffers"}};
  tarn::object_pool<std::string> names{{.name = "names", .initial_objects = 5}};
  tarn::record_pool records{{.name = "records"}};
  tarn::record_batch_pool batches{{.name = "batches"}};
  tarn::byte_pool<tarn::no_lock> odd{{.name = "a\\b\"c\nd\te{f}=,\xC3\xA9\xFF<&>"}};
  std::vector<recording_pool::buffer> out;
  std::vector<recording_pool::shared_buffer> shared;
};

}  // namespace test
