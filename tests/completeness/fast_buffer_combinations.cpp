// SPDX-License-Identifier: MIT
#include <cstddef>
#include <string>
#include <string_view>

#include <tarn/byte_reader.hpp>
#include <tarn/fast_buffer.hpp>

#include "combinations.hpp"

namespace {

struct fast_buffer_case {
  template <class Policy>
  static void run() {
    using writer = tarn::fast_buffer_for<typename Policy::lock, typename Policy::stats>;
    tarn::byte_pool<> pool;
    std::string expected;
    writer b(pool);
    for (std::size_t i = 0; i != 100; ++i) {
      const auto piece = "piece " + std::to_string(i) + ";";
      b.append(piece);
      expected += piece;
    }
    CHECK(b.size() == expected.size());
    CHECK(b.try_append("end"));
    expected += "end";
    if constexpr (Policy::stats::counts) {
      CHECK(b.numbers().growths == 4);  // 128 B ... 1 KiB
      CHECK(b.numbers().bytes == expected.size());
    }
    if constexpr (tarn::is_concurrent_v<typename Policy::lock>) {
      CHECK(b.take().view() == expected);
      CHECK_FALSE(b.take());
    } else {
      CHECK(b == expected);
      b.prepend("front;");
      const auto front = b.split_to(6);
      CHECK(front == "front;");
      b.append_prefixed("field");
      tarn::byte_reader in(b);
      CHECK(in.template read<std::string_view>(expected.size()) == expected);
      CHECK(in.template read_prefixed<std::string_view>() == "field");
      b.truncate(expected.size());
      b.attach(b.detach());
      CHECK(b.detach() == expected);
      CHECK_FALSE(b.detach());
    }
    CHECK(b.empty());
    CHECK(pool.occupancy().in_use() == 0);
    b.append_prefixed("field");
    CHECK(b.size() == 6);
  }
};

const bool fast_buffer_registered = test::register_all<fast_buffer_case>(
    "fast_buffer", static_cast<const test::every_pair*>(nullptr));

}  // namespace
