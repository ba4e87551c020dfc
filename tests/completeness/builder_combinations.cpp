// SPDX-License-Identifier: MIT
#include <string_view>
#include <vector>

#include <tarn/builder.hpp>

#include "combinations.hpp"

namespace {

struct builder_case {
  template <class Policy>
  static void run() {
    using pool_type = tarn::byte_pool<typename Policy::lock, typename Policy::stats>;
    pool_type pool;
    tarn::basic_string_builder<pool_type> line(pool);
    CHECK(pool.occupancy().in_use() == 0);
    line.append("user ").append(42).append('!');
    CHECK(line.view() == "user 42!");
    tarn::basic_key_builder<pool_type> key(pool);
    CHECK(key.add("user").add(42).view() == "user:42");
    CHECK(pool.occupancy().in_use() == 2);
    {
      const auto taken = line.take();
      CHECK(taken.view() == "user 42!");
      CHECK(line.empty());
      const std::vector<std::string_view> parts = {"a", "b"};
      CHECK(tarn::join(parts, ", ", pool).view() == "a, b");
      CHECK(tarn::copy_value(key.view(), pool).view() == "user:42");
    }
    key.reset();
    CHECK(pool.occupancy().in_use() == 0);
  }
};

const bool builder_registered =
    test::register_all<builder_case>("builder", static_cast<const test::every_pair*>(nullptr));

}  // namespace
