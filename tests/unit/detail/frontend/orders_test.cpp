// SPDX-License-Identifier: MIT
//
// A thread that follows the order of one pool does not visit its shards of the others: the end of a
// pool costs the same however many pools a program has.

#include <cstddef>
#include <memory>
#include <vector>

#include <tarn/detail/frontend/native_env.hpp>

#include "support/catch.hpp"

namespace {

using env = tarn::detail::native_env;

/// A core that counts the visits of threads that follow orders.
class visited_core final : public tarn::detail::core_base<env> {
 public:
  /// The calling thread has a shard of it from the start.
  visited_core() : core_base(1) {
    auto& registry = *registry_;
    registry.enroll(*this, true);
    static_cast<void>(env::table(registry).make_room(slot_number_));
    env::set_entry(registry, slot_number_, &shard_);
    registry.attach(slot_number_);
  }
  ~visited_core() override {
    env::set_entry(*registry_, slot_number_, nullptr);
    registry_->detach(slot_number_);
    registry_->retire(*this);
  }

  void leave(void*) noexcept override {}
  void renew() noexcept override { ++visits; }
  void lock_all() noexcept override {}
  void unlock_all() noexcept override {}
  void abandon_foreign_shards(void*) noexcept override {}
  [[nodiscard]] bool contains(const void*) const noexcept override { return false; }
  void end() noexcept override {}

  int visits = 0;

 private:
  int shard_ = 0;
};

struct thousand_cores {
  thousand_cores() {
    for (auto& core : cores)
      core = std::make_unique<visited_core>();
    registry.follow_orders();
    for (auto& core : cores)
      core->visits = 0;
  }
  int visits() const {
    int sum = 0;
    for (const auto& core : cores)
      sum += core->visits;
    return sum;
  }

  env::registry_type& registry = env::registry();
  std::vector<std::unique_ptr<visited_core>> cores{1000};
};

}  // namespace

TEST_CASE("an order of one pool makes a thread visit that pool only", "[orders]") {
  const thousand_cores all;
  all.registry.give_order(*all.cores[500]);
  REQUIRE(all.registry.has_orders());
  all.registry.follow_orders();
  CHECK(all.cores[500]->visits == 1);
  CHECK(all.visits() == 1);
  CHECK_FALSE(all.registry.has_orders());
}

TEST_CASE("a thread follows each of several orders", "[orders]") {
  const thousand_cores all;
  for (std::size_t i = 0; i != env::orders_kept; ++i)
    all.registry.give_order(*all.cores[i]);
  all.registry.follow_orders();
  for (std::size_t i = 0; i != env::orders_kept; ++i)
    CHECK(all.cores[i]->visits == 1);
  CHECK(all.visits() == env::orders_kept);
}

TEST_CASE("a thread that missed more orders than are remembered visits all pools", "[orders]") {
  const thousand_cores all;
  for (std::size_t i = 0; i != env::orders_kept + 1; ++i)
    all.registry.give_order(*all.cores[i]);
  all.registry.follow_orders();
  for (const auto& core : all.cores)
    CHECK(core->visits == 1);
}
