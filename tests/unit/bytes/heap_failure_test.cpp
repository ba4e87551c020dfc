// SPDX-License-Identifier: MIT
//
// Parts of a chain need an array: without memory for it nothing has changed.

#include <cstddef>
#include <new>
#include <string>

#include <tarn/byte_reader.hpp>
#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>

#include "support/catch.hpp"
#include "support/failing_heap.hpp"

TEST_CASE("a part of a chain that finds no heap memory leaves chain and reader as they were",
          "[bytes]") {
  tarn::byte_pool<> pool;
  tarn::chain chain(pool, 0);
  std::string text;
  {
    tarn::fast_buffer out(pool);
    for (int i = 0; i != 20; ++i) {
      out.append_prefixed(std::string(30, static_cast<char>('a' + i)));
      text += '\x1e' + std::string(30, static_cast<char>('a' + i));
      chain.append(out.split_to(17));
      chain.append(out.split_to(14));
      out = tarn::fast_buffer(pool);  // pieces in blocks of their own do not join
    }
  }
  std::size_t failures = 0;
  for (std::size_t n = 0; n != 20; ++n) {
    tarn::chain_reader in(chain);
    in.skip(31);
    tarn::chain part;
    const bool failed = test::with_failing_heap(n, [&] {
      try {
        part = in.read_prefixed();
        part = in.read(100);
        part = in.rest();
        part = chain.slice(40);
      } catch (const std::bad_alloc&) {
        ++failures;
      }
    });
    CHECK(chain == text);
    // What was read was read whole: the position is at the end of a field.
    const auto at = in.position();
    CHECK((at == 31 || at == 62 || at == 162 || in.empty()));
    CHECK(in.rest() == text.substr(at));
    if (!failed) {
      CHECK(part == text.substr(40));
      break;
    }
    REQUIRE(n != 19);
  }
  CHECK(failures > 4);
}
