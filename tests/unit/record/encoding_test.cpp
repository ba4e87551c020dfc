// SPDX-License-Identifier: MIT
//
// Record batches to bytes and back, and the refusal of bytes that are no batch.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/object_pool.hpp>
#include <tarn/record_batch.hpp>

#include "support/catch.hpp"
#include "support/heap_count.hpp"
#include "support/sanitizer.hpp"

namespace {

using tarn::decode_fault;
using bytes = std::vector<std::byte>;

/// The minimal output type.
class byte_vector {
 public:
  void append(std::span<const std::byte> more) { all.insert(all.end(), more.begin(), more.end()); }
  template <std::integral T>
  void append_be(T value) {
    for (std::size_t i = sizeof(T); i != 0; --i)
      all.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * (i - 1))));
  }
  void append_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      all.push_back(static_cast<std::byte>(value | 0x80));
    all.push_back(static_cast<std::byte>(value));
  }
  void append_zigzag(std::int64_t value) {
    append_varint((static_cast<std::uint64_t>(value) << 1) ^
                  static_cast<std::uint64_t>(value >> 63));
  }
  bytes all;
};

bytes encoded(const tarn::record_batch& batch) {
  byte_vector out;
  static_cast<void>(batch.encode(out));
  return out.all;
}

void fill(tarn::record_batch& b) {
  b.base_offset = 1'000'000;
  b.first_timestamp = 1'700'000'000'000;
  b.leader_epoch = 3;
  b.producer_id = 99;
  b.producer_epoch = 2;
  b.base_sequence = 17;
  for (int i = 0; i != 4; ++i) {
    auto& r = b.add();
    r.offset_delta = i;
    r.timestamp_delta = i * 1000 - 500;
    r.key.assign("key-" + std::to_string(i));
    r.value.assign(std::string(static_cast<std::size_t>(i) * 40, 'v'));
    for (int h = 0; h != i; ++h)
      r.headers.add("name", std::string(static_cast<std::size_t>(h) * 70, 'h'));
  }
  b.add().key_is_null = true;
  b.add().value_is_null = true;
  auto& extreme = b.add();
  extreme.offset_delta = std::numeric_limits<std::int32_t>::max();
  extreme.timestamp_delta = std::numeric_limits<std::int64_t>::min();
}

// Writes the right checksum into bytes that were changed after it.
void repair(bytes& b) {
  tarn::detail::crc32c sum;
  sum.update(std::span(b).subspan(21));
  for (std::size_t i = 0; i != 4; ++i)
    b[17 + i] = static_cast<std::byte>(sum.value() >> (24 - 8 * i));
}
// And the right length.
void repair_length(bytes& b) {
  for (std::size_t i = 0; i != 4; ++i)
    b[8 + i] = static_cast<std::byte>((b.size() - 12) >> (24 - 8 * i));
}

// A batch of one record whose body is `body`, with `count` as its number of records.
bytes crafted(const bytes& body, std::int32_t count = 1, std::int64_t length = -1) {
  byte_vector out;
  out.all = encoded(tarn::record_batch());
  out.all.resize(out.all.size() - 4);
  out.append_be(count);
  out.append_zigzag(length < 0 ? static_cast<std::int64_t>(body.size()) : length);
  out.append(body);
  repair_length(out.all);
  repair(out.all);
  return out.all;
}

bytes operator""_b(const char* text, std::size_t size) {
  const auto all = std::as_bytes(std::span(text, size));
  return {all.begin(), all.end()};
}

}  // namespace

TEST_CASE("a batch comes back from its bytes as it was", "[record]") {
  tarn::record_batch batch;
  CHECK(encoded(batch).size() == 61);
  fill(batch);
  byte_vector out;
  const auto sum = batch.encode(out);
  CHECK(out.all.size() == batch.encoded_size());
  tarn::record_batch read;
  read.decode(out.all);
  CHECK(read == batch);
  CHECK(read.crc == sum);
  CHECK(read.records().size() == 7);
  CHECK(read.records()[4].key_is_null);
  CHECK_FALSE(read.records()[4].value_is_null);
  CHECK(read.records()[5].value_is_null);
  CHECK(encoded(read) == out.all);
  read.records()[2].headers.add("one", "more");
  CHECK_FALSE(read == batch);
}

TEST_CASE("the bytes are those of Kafka's record batches", "[record]") {
  // Field by field, as its protocol guide lists them.
  tarn::record_batch batch;
  batch.base_offset = 0x0102;
  batch.first_timestamp = 1000;
  auto& r = batch.add();
  r.timestamp_delta = 1;
  r.key.assign("k");
  r.value.assign("vv");
  r.headers.add("h", "x");
  auto expected =
      "\0\0\0\0\0\0\1\2"                  // base offset
      "\0\0\0\x3f"                        // length of the rest
      "\xff\xff\xff\xff"                  // leader epoch
      "\2"                                // version
      "????"                              // checksum
      "\0\0"                              // attributes
      "\0\0\0\0"                          // last offset delta
      "\0\0\0\0\0\0\3\xe8"                // first timestamp
      "\0\0\0\0\0\0\3\xe9"                // last timestamp
      "\xff\xff\xff\xff\xff\xff\xff\xff"  // producer
      "\xff\xff"                          // producer epoch
      "\xff\xff\xff\xff"                  // base sequence
      "\0\0\0\1"                          // records
      "\x1a\0\2\0\2k\4vv\2\2h\2x"_b;      // length 13, attributes, deltas, key, value, headers
  repair(expected);
  CHECK(encoded(batch) == expected);
}

TEST_CASE("the checksum is that of Castagnoli's polynomial", "[record]") {
  const auto sum_of = [](std::string_view text, std::size_t first) {
    tarn::detail::crc32c sum;
    sum.update(std::as_bytes(std::span(text.substr(0, first))));
    sum.update(std::as_bytes(std::span(text.substr(first))));
    return sum.value();
  };
  // RFC 3720, B.4, and the usual check value; in two parts, since every split must work.
  for (std::size_t first = 0; first != 10; ++first)
    CHECK(sum_of("123456789", first) == 0xe306'9283);
  CHECK(sum_of(std::string(32, '\0'), 5) == 0x8a91'36aa);
  CHECK(sum_of(std::string(32, '\xff'), 5) == 0x62a8'ab43);
  CHECK(sum_of("", 0) == 0);
}

TEST_CASE("every prefix of a batch is refused, and so is anything behind it", "[record]") {
  tarn::record_batch batch;
  fill(batch);
  const auto good = encoded(batch);
  tarn::record_batch read;
  for (std::size_t n = 0; n != good.size(); ++n) {
    INFO(n << " bytes");
    const auto result = read.try_decode(std::span(good).first(n));
    CHECK_FALSE(result);
    CHECK(result.fault == decode_fault::truncated);
    CHECK(result.offset <= n);
    CHECK(read.records().empty());
  }
  auto longer = good;
  longer.push_back(std::byte{0});
  CHECK(read.try_decode(longer).fault == decode_fault::trailing);
  CHECK_THROWS_AS(read.decode(longer), tarn::decode_error);
}

TEST_CASE("every prefix with a length and a checksum that fit it is refused", "[record]") {
  tarn::record_batch batch;
  fill(batch);
  const auto good = encoded(batch);
  tarn::record_batch read;
  for (std::size_t n = 61; n != good.size(); ++n) {
    INFO(n << " bytes");
    auto cut = bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n));
    repair_length(cut);
    repair(cut);
    CHECK_FALSE(read.try_decode(cut));
    CHECK(read == tarn::record_batch());
  }
}

TEST_CASE("every change of a byte is refused, or is what was decoded", "[record]") {
  tarn::record_batch batch;
  fill(batch);
  const auto good = encoded(batch);
  tarn::record_batch read;
  std::size_t refused = 0;
  std::size_t refused_repaired = 0;
  std::size_t covered = 0;
  for (std::size_t at = 0; at != good.size(); ++at) {
    // The checksum covers all but base offset and leader epoch.
    const bool is_covered = at >= 16 || (at >= 8 && at < 12);
    for (unsigned change = 1; change < 256; change += test::slowdown == 1 ? 1 : 8 + at % 5) {
      auto bad = good;
      covered += is_covered;
      bad[at] ^= static_cast<std::byte>(change);
      if (!read.try_decode(bad)) {
        ++refused;
        if (at >= 17 && !(read == tarn::record_batch())) FAIL("something is left");
      } else if (at >= 17 || encoded(read) != bad) {
        FAIL("decoded with byte " << at << " changed by " << change);
      }
      // The same change with a corrected checksum.
      repair(bad);
      if (!read.try_decode(bad)) {
        ++refused_repaired;
      } else if (const auto again = encoded(read); !tarn::record_batch::check(again)) {
        FAIL("what was decoded can't be encoded");
      }
    }
  }
  CHECK(refused == covered);
  CHECK(refused_repaired > good.size());
}

TEST_CASE("what is wrong is said, with place, value and limit", "[record]") {
  using tarn::decode_limits;
  tarn::record_batch batch;
  fill(batch);
  const auto good = encoded(batch);
  struct wrong {
    const char* what;
    bytes input;
    decode_limits limits;
    decode_fault fault;
    std::size_t offset;
    std::int64_t value;
    std::int64_t limit;
  };
  const auto changed = [&](std::size_t at, int value) {
    auto b = good;
    b[at] = static_cast<std::byte>(value);
    repair(b);
    return b;
  };
  const auto n = static_cast<std::int64_t>(good.size());
  const wrong all[] = {
      {"nothing", {}, {}, decode_fault::truncated, 0, 0, 8},
      {"negative length",
       changed(8, 0x80),
       {},
       decode_fault::out_of_range,
       8,
       INT32_MIN + (n - 12),
       49},
      {"short length", "12345678\0\0\0\x30"_b, {}, decode_fault::out_of_range, 8, 48, 49},
      {"long length",
       changed(8, 0x7f),
       {},
       decode_fault::above_limit,
       8,
       0x7f00'0000 + (n - 12),
       16 << 20},
      {"small limit", good, {.batch_bytes = 100}, decode_fault::above_limit, 8, n - 12, 100},
      {"version 1", changed(16, 1), {}, decode_fault::unsupported, 16, 1, 2},
      {"compressed", changed(22, 2), {}, decode_fault::unsupported, 21, 2, 0},
      {"negative count", changed(57, 0xff), {}, decode_fault::out_of_range, 57, -0x00ff'fff9, 0},
      {"large count", changed(57, 0x7f), {}, decode_fault::above_limit, 57, 0x7f00'0007, 1 << 20},
      {"more records than bytes",
       changed(59, 0x7f),
       {},
       decode_fault::truncated,
       57,
       0x7f07,
       (n - 61) / 7},
      {"records above the limit", good, {.records = 6}, decode_fault::above_limit, 57, 7, 6},
      {"key above the limit", good, {.key_bytes = 4}, decode_fault::above_limit, 66, 5, 4},
      {"long record", crafted("\0\0\0\0\0\0"_b, 1, 7), {}, decode_fault::truncated, 61, 7, 6},
      {"short record", crafted("\0\0\0\0\0\0"_b, 1, 5), {}, decode_fault::out_of_range, 61, 5, 6},
      {"long key", crafted("\0\0\0\6\0\0"_b), {}, decode_fault::truncated, 65, 3, 2},
      {"negative key", crafted("\0\0\0\3\0\0"_b), {}, decode_fault::out_of_range, 65, -2, -1},
      {"value above the limit",
       crafted("\0\0\0\0\4vv\0"_b),
       {.value_bytes = 1},
       decode_fault::above_limit,
       66,
       2,
       1},
      {"many headers", crafted("\0\0\0\0\0\2\0"_b), {}, decode_fault::truncated, 67, 1, 0},
      {"headers above the limit",
       crafted("\0\0\0\0\0\4\0\0\0\0"_b),
       {.headers = 1},
       decode_fault::above_limit,
       67,
       2,
       1},
      {"negative headers", crafted("\0\0\0\0\0\1"_b), {}, decode_fault::out_of_range, 67, -1, 0},
      {"header without a name",
       crafted("\0\0\0\0\0\2\1\0"_b),
       {},
       decode_fault::out_of_range,
       68,
       -1,
       0},
      {"header above the limit",
       crafted("\0\0\0\0\0\2\2n\4vv"_b),
       {.header_bytes = 1},
       decode_fault::above_limit,
       70,
       2,
       1},
      {"bytes behind the headers",
       crafted("\0\0\0\0\0\0!"_b),
       {},
       decode_fault::trailing,
       68,
       1,
       0},
      {"a record more than counted",
       crafted("\0\0\0\0\0\0"_b, 0),
       {},
       decode_fault::trailing,
       61,
       7,
       0},
      {"endless number",
       crafted("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"_b),
       {},
       decode_fault::overflow,
       63,
       0xff,
       1},
      {"number of 65 bits",
       crafted("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\0\0\0\0"_b),
       {},
       decode_fault::overflow,
       63,
       2,
       1},
      {"offset of 33 bits",
       crafted("\0\0\x80\x80\x80\x80\x20\0\0\0"_b),
       {},
       decode_fault::overflow,
       64,
       std::int64_t{1} << 32,
       INT32_MAX},
      {"unfinished number",
       crafted("\0\x80\x80\x80\x80\x80"_b),
       {},
       decode_fault::truncated,
       63,
       5,
       6},
  };
  for (const auto& w : all) {
    INFO(w.what);
    const auto r = tarn::record_batch::check(w.input, w.limits);
    CHECK_FALSE(r);
    CHECK(static_cast<int>(r.fault) == static_cast<int>(w.fault));
    CHECK(r.offset == w.offset);
    // A wrong checksum is tested below: its value is not known here.
    CHECK(r.value == w.value);
    CHECK(r.limit == w.limit);
    tarn::record_batch read;
    CHECK_THROWS_AS(read.decode(w.input, w.limits), tarn::decode_error);
  }
  auto torn = good;
  torn.back() ^= std::byte{1};
  const auto r = tarn::record_batch::check(torn);
  CHECK(r.fault == decode_fault::checksum);
  CHECK(r.offset == 17);
  try {
    tarn::record_batch().decode(crafted("\0\0\0\0\4vv\0"_b), {.value_bytes = 1});
    FAIL("decoded");
  } catch (const tarn::decode_error& e) {
    CHECK(std::string_view(e.what()) == "tarn: decoding at byte 66: above the limit, 2 against 1");
    CHECK(e.result().offset == 66);
  }
}

TEST_CASE("neither pool nor heap is asked for bytes that are no batch", "[record]") {
  tarn::record_batch_pool pool;
  auto huge = crafted("\0\0\0\0\xfe\xff\xff\x7f"_b);  // a value that claims 128 MiB
  CHECK(test::heap_calls_of([&] { CHECK_FALSE(tarn::record_batch::check(huge)); }) == 0);
  CHECK_THROWS_AS(tarn::record_batch::decode(pool, huge), tarn::decode_error);
  CHECK(pool.snapshot().total().gets == 0);
  CHECK(pool.snapshot().constructed == 0);
  tarn::record_batch batch;
  fill(batch);
  const auto good = encoded(batch);
  CHECK(*tarn::record_batch::decode(pool, good) == batch);
  CHECK(pool.snapshot().total().gets == 1);
}

TEST_CASE("a pooled batch keeps its memory and none of its records", "[record]") {
  tarn::record_batch batch;
  fill(batch);
  const auto good = encoded(batch);
  tarn::record_batch_pool pool({.keep_capacity_bytes = 1 << 20});
  static_cast<void>(tarn::record_batch::decode(pool, good));
  CHECK(test::heap_calls_of([&] {
          for (int i = 0; i != 100; ++i)
            static_cast<void>(tarn::record_batch::decode(pool, good));
        }) == 0);
  auto again = pool.get();
  CHECK(*again == tarn::record_batch());
  CHECK(again->crc == 0);
  for (int i = 0; i != 10; ++i)
    CHECK(again->add() == tarn::record());
}

TEST_CASE("a batch that grew too large gives its memory back", "[record]") {
  tarn::record_batch_pool pool({.keep_capacity_bytes = 10'000});
  pool.get()->add().value.reserve(9'000);
  CHECK(pool.get()->kept_bytes() >= 9'000);
  pool.get()->add().key.reserve(9'000);
  CHECK(pool.get()->kept_bytes() == 0);
  CHECK(pool.snapshot().constructed == 1);
  tarn::record_pool records({.keep_capacity_bytes = 900});
  records.get()->value.reserve(901);
  CHECK(records.get()->kept_bytes() == 0);
  CHECK(records.snapshot().constructed == 1);
}

TEST_CASE("a record is reset field by field", "[record]") {
  tarn::record r;
  r.offset_delta = 1;
  r.timestamp_delta = 2;
  r.key.assign("k");
  r.value.assign("v");
  r.key_is_null = r.value_is_null = true;
  r.headers.add("a", "b");
  r.reset();
  CHECK(r == tarn::record());
  tarn::object_pool<tarn::record> pool;  // a record works in any pool
  pool.get()->key.assign("k");
  CHECK(pool.get()->key.empty());
}

TEST_CASE("a batch that was moved from is empty, in a pool as well", "[record]") {
  tarn::record_batch_pool batches;
  auto held = batches.get();
  held->add().value.assign("one");
  held->add();
  tarn::record_batch mine = std::move(*held);
  CHECK(mine.records().size() == 2);
  CHECK(held->records().empty());
  held->add().value.assign("other");
  CHECK(held->records().size() == 1);
  *held = std::move(mine);
  CHECK(held->records().size() == 2);
  CHECK(mine.records().empty());
  held.reset();
}
