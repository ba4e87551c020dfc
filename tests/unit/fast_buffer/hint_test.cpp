// SPDX-License-Identifier: MIT

#include <atomic>
#include <cstddef>
#include <utility>

#include <tarn/value/size_hint.hpp>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

using test::text_of;
using policy = test::policies<tarn::no_lock, tarn::no_stats>;
using fixture = test::byte_fixture<policy>;
using writer = test::writer_of<policy>;

}  // namespace

TEST_CASE("a hint goes up at once, and down after more than ten smaller ones in a row", "[hint]") {
  tarn::size_hint hint;
  CHECK(hint.bytes() == 0);
  hint.report(1000);
  CHECK(hint.bytes() == 1000);
  hint.report(5000);
  CHECK(hint.bytes() == 5000);
  for (int i = 0; i != 10; ++i)
    hint.report(100);
  CHECK(hint.bytes() == 5000);
  hint.report(5000);  // not smaller: a new row begins
  for (int i = 0; i != 9; ++i)
    hint.report(100);
  hint.report(300);
  CHECK(hint.bytes() == 5000);
  hint.report(200);
  CHECK(hint.bytes() == 300);  // the largest size of the row
  hint.report(0);              // no effect
  for (int i = 0; i != 11; ++i)
    hint.report(50);
  CHECK(hint.bytes() == 50);
  CHECK(tarn::size_hint(77).bytes() == 77);
}

TEST_CASE("the first block is as large as others became", "[hint]") {
  tarn::size_hint hint;
  fixture pool;
  {
    writer first(*pool, {.hint = &hint});
    first.append(text_of(3000));
    CHECK(hint.bytes() == 0);
  }
  CHECK(hint.bytes() == 3000);
  {
    writer second(*pool, {.hint = &hint});
    second.push_back('x');
    CHECK(second.capacity() == 4096);
    second.append(text_of(10000));
    second.consume(9000);
    second.clear();
    second.append("little");
    writer moved(std::move(second));
    CHECK(hint.bytes() == 3000);
    const auto out = moved.detach();
    CHECK(hint.bytes() == 10001);  // the peak, though it was consumed long ago
    moved.append("more");
  }
  CHECK(hint.bytes() == 10001);
  for (int i = 0; i != 9; ++i) {
    writer never_written(*pool, {.hint = &hint});
    writer small(*pool, {.hint = &hint});
    small.append(text_of(40));
  }
  CHECK(hint.bytes() == 10001);
  {
    writer small(*pool, {.hint = &hint});
    small.append(text_of(40));
    writer assigned(*pool, {.hint = &hint});
    assigned = std::move(small);
  }
  CHECK(hint.bytes() == 40);
}

TEST_CASE("of reports from many threads the largest counts", "[hint]") {
  tarn::size_hint hint;
  test::run_together(4, [&](std::size_t me) {
    for (std::size_t i = 0; i != 10000; ++i)
      hint.report(1 + (i * 4 + me) % 40000);
  });
  // Reports fall, and rise again, so only the final value is certain.
  hint.report(40000);
  CHECK(hint.bytes() == 40000);
  test::run_together(4, [&](std::size_t) {
    for (std::size_t i = 0; i != 3; ++i)
      hint.report(9);
  });
  CHECK(hint.bytes() == 9);
}
