// SPDX-License-Identifier: MIT
//
// Messages that are filled by one thread, read by several and given back by the last of them.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

namespace {

constexpr std::uint64_t messages = test::with_tsan || test::with_asan ? 2'000 : 20'000;
constexpr std::size_t readers = 3;

// The content of a message follows from its number.
void fill(tarn::message& m, std::uint64_t number) {
  m.id = number;
  m.topic = "topic-" + std::to_string(number % 7);
  m.value.assign(std::string(number % 100, static_cast<char>('a' + number % 26)));
  m.headers.add("number", std::to_string(number));
}
bool is_intact(const tarn::message& m) {
  tarn::message expected;
  fill(expected, m.id);
  return m.topic == expected.topic && m.value == expected.value && m.headers == expected.headers;
}

template <class T>
class queue {
 public:
  void push(T value) {
    const std::lock_guard hold(lock_);
    values_.push_back(std::move(value));
  }
  [[nodiscard]] std::vector<T> take_all() {
    const std::lock_guard hold(lock_);
    return std::exchange(values_, {});
  }

 private:
  std::mutex lock_;
  std::vector<T> values_;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("every reader sees every message whole, and all come home",
                        "[message_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = tarn::message_pool<tarn::message, typename TestType::lock>;
  for (const std::optional<std::size_t> capacity : {std::optional<std::size_t>{}, {16}}) {
    pool_type pool({.capacity = capacity});
    queue<typename pool_type::shared> queues[readers];
    std::atomic<std::uint64_t> torn{0};
    std::atomic<std::uint64_t> seen{0};
    std::atomic<std::uint64_t> rewritten{0};
    test::run_together(1 + readers, [&](std::size_t who) {
      if (who == readers) {
        for (std::uint64_t n = 0; n != messages; ++n) {
          auto m = pool.get_for(tarn::time_span::of_seconds(3600));
          fill(*m, n);
          typename pool_type::shared sinks[readers];
          pool.share(std::move(m), sinks);
          for (std::size_t i = 0; i != readers; ++i)
            queues[i].push(std::move(sinks[i]));
        }
        return;
      }
      for (std::uint64_t mine = 0; mine != messages;) {
        auto all = queues[who].take_all();
        if (all.empty()) std::this_thread::yield();
        for (auto& m : all) {
          ++mine;
          torn += !is_intact(*m);
          ++seen;
          // The last owner may write: no other thread reads any more.
          if (auto own = m.make_unique()) {
            own->value.assign("rewritten");
            ++rewritten;
          } else {
            const auto another = m;  // another owner, for a moment
            m.reset();
          }
        }
      }
    });
    CHECK(torn == 0);
    CHECK(seen == readers * messages);
    CHECK(rewritten <= messages);
    CHECK(pool.in_flight() == 0);
    CHECK(test::imbalance(pool) == "");
  }
}
