// SPDX-License-Identifier: MIT
//
// One thread writes and cuts frames off; others read and drop them while it writes on behind them,
// in the same blocks.

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <tarn/fast_buffer.hpp>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

TEMPLATE_LIST_TEST_CASE("frames are read by other threads while their block is written on",
                        "[fast_buffer]", test::every_concurrent_lock) {
  constexpr std::size_t frames = 3000;
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  std::mutex lock;
  std::vector<std::pair<std::size_t, shared>> queue;
  std::atomic<bool> done{false};
  std::atomic<std::size_t> read{0};
  std::atomic<std::size_t> wrong{0};
  const auto size_of = [](std::size_t i) { return 1 + i * 7 % 300; };
  test::run_together(3, [&](std::size_t thread) {
    if (thread == 0) {
      test::writer_of<TestType> out(*pool);
      for (std::size_t i = 0; i != frames; ++i) {
        out.append(test::text_of(size_of(i), i));
        if (i % 3 == 0) out.append("dropped");
        auto frame = out.split_to(size_of(i));
        if (i % 3 == 0) out.consume(7);
        if (i % 50 == 0) out.clear();  // begins its block anew, if no part is held
        const std::scoped_lock held(lock);
        queue.emplace_back(i, std::move(frame));
      }
      done = true;
      return;
    }
    for (;;) {
      const bool was_done = done;
      std::pair<std::size_t, shared> next;
      {
        const std::scoped_lock held(lock);
        if (queue.empty()) {
          if (was_done) break;
          continue;
        }
        next = std::move(queue.back());
        queue.pop_back();
      }
      if (next.second != test::text_of(size_of(next.first), next.first)) ++wrong;
      // Who is alone with a block may write all of it.
      if (next.first % 5 == 0) {
        auto own = next.second.thaw();
        for (auto& byte : own)
          byte = std::byte{0xff};
      }
      ++read;
    }
  });
  CHECK(read == frames);
  CHECK(wrong == 0);
}
