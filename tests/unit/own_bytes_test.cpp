// SPDX-License-Identifier: MIT
//
// Every writer accepts bytes of its own content, also where it grows for them. A fault reads memory
// that was freed, which the sanitizers report at once.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <tarn/builder.hpp>
#include <tarn/interop/streambuf.hpp>
#include <tarn/message.hpp>
#include <tarn/record_batch.hpp>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"

namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("a header may have name and value of the same list", "[own_bytes]") {
  tarn::header_list list;
  list.add("first", std::string(100, 'v'));
  std::size_t wrong = 0;
  for (int i = 0; i != 2000; ++i) {
    list.add("copy", list.find("first")->value);
    list.add(list.begin()->name, list.begin()->text());
    list.add(list.begin()->text(), list.begin()->name);
  }
  CHECK(list.size() == 6001);
  std::size_t i = 0;
  for (const auto& h : list) {
    const bool is_turned = i != 0 && i % 3 == 0;
    wrong += h.text() != (is_turned ? "first" : std::string(100, 'v'));
    wrong += h.name != (is_turned ? std::string(100, 'v') : i % 3 == 1 ? "copy" : "first");
    ++i;
  }
  CHECK(i == list.size());
  CHECK(wrong == 0);
}

TEST_CASE("the number of headers goes with them", "[own_bytes]") {
  tarn::header_list list;
  CHECK(list.size() == 0);
  list.add("a", "1");
  list.add("", "");
  auto copy = list;
  CHECK(copy.size() == 2);
  copy.add("b", "2");
  CHECK(copy.size() == 3);
  auto moved = std::move(copy);
  CHECK(moved.size() == 3);
  CHECK(copy.size() == 0);  // NOLINT(bugprone-use-after-move): that is what is tested
  CHECK(copy.empty());
  copy = list;
  CHECK(copy.size() == 2);
  moved = std::move(copy);
  CHECK(moved == list);
  moved.clear();
  CHECK(moved.size() == 0);
  list.shrink();
  CHECK(list.size() == 0);
}

TEST_CASE("a byte string may be made of its own bytes", "[own_bytes]") {
  tarn::byte_string s("0123456789");
  std::string same = "0123456789";
  for (int i = 0; i != 12; ++i) {
    s.append(s.view());
    same += std::string(same);
    REQUIRE(s.view() == same);
    s.append(s.bytes().subspan(2, 5));
    same += same.substr(2, 5);
    REQUIRE(s.view() == same);
    s.assign(s.view().substr(1));
    same.erase(0, 1);
    REQUIRE(s.view() == same);
    const auto& itself = s;
    s = itself;
    REQUIRE(s.view() == same);
    s.assign(s.bytes().first(s.size() - 1));
    same.pop_back();
    REQUIRE(s.view() == same);
  }
}

TEST_CASE("a byte string that cannot be so large says so, and stays", "[own_bytes]") {
  tarn::byte_string s("text");
  CHECK_THROWS_AS(s.reserve(SIZE_MAX), std::length_error);
  CHECK_THROWS_AS(s.extend(SIZE_MAX), std::length_error);
  CHECK_THROWS_AS(s.extend(SIZE_MAX / 2), std::length_error);
  CHECK_THROWS_AS(s.reserve_more(SIZE_MAX - 2), std::length_error);
  CHECK(s.view() == "text");
  CHECK(s.capacity() == 4);
}

TEST_CASE("the fields of a message may be made of each other", "[own_bytes]") {
  tarn::message m;
  m.topic = "a topic that is longer than a short string";
  const auto topic = m.topic;
  m.key.assign(m.topic);
  m.value.assign(m.key.bytes());
  m.headers.add(m.topic, m.value.bytes());
  m.headers.add("again", m.headers.find(m.topic)->value);
  m.value.append(m.headers.find("again")->value);
  CHECK(m.value.view() == topic + topic);
  m.key.assign(m.value.bytes().subspan(2));
  CHECK(m.key.view() == (topic + topic).substr(2));
  m.key.assign(m.key.view().substr(1));
  CHECK(m.key.view() == (topic + topic).substr(3));
  m.value.assign(m.headers.find("again")->value);
  m.topic = m.value.view().substr(2);
  CHECK(m.topic == topic.substr(2));
  m.topic.assign(std::string_view(m.topic).substr(2));
  CHECK(m.topic == topic.substr(4));
  const auto& itself = m;
  m = itself;
  CHECK(text_of(m.headers.find("again")->value) == topic);
}

TEST_CASE("a record may be made of another of its batch", "[own_bytes]") {
  tarn::record_batch batch;
  batch.add().value.assign("a value that lies on the heap");
  std::size_t wrong = 0;
  for (std::size_t i = 1; i != 100; ++i) {
    const auto before = batch.records()[i - 1].value.bytes();
    tarn::record& r = batch.add();
    r.value.assign(before);
    r.key.assign(before);
    r.headers.add("value", batch.records()[0].value.bytes());
    r.headers.add("key", r.headers.find("value")->value);
  }
  for (const auto& r : batch.records())
    wrong += r.value.view() != "a value that lies on the heap";
  CHECK(wrong == 0);
}

TEST_CASE("a batch may become the one that one of its records holds", "[own_bytes]") {
  tarn::record_batch inner;
  inner.add().value.assign("inner value");
  inner.add().headers.add("name", "value");
  tarn::fast_buffer bytes;
  static_cast<void>(inner.encode(bytes));
  for (int where = 0; where != 4; ++where) {
    INFO(where);
    tarn::record_batch outer;
    outer.add().value.assign("before");
    tarn::record& r = outer.add();
    std::span<const std::byte> held;
    if (where == 0) r.value.assign(bytes.bytes()), held = r.value.bytes();
    if (where == 1) r.key.assign(bytes.bytes()), held = r.key.bytes();
    if (where == 2) r.headers.add("batch", bytes.bytes()), held = r.headers.find("batch")->value;
    if (where == 3) {
      r.headers.add(bytes.view(), "batch");
      held = std::as_bytes(std::span(r.headers.begin()->name));
    }
    outer.add().value.assign("behind");
    CHECK(outer.try_decode(held));
    CHECK(outer == inner);
  }
  tarn::record_batch outer;
  outer.add().value.assign("no batch");
  CHECK_FALSE(outer.try_decode(outer.records()[0].value.bytes()));
  CHECK(outer.records().empty());
}

TEST_CASE("a batch knows what it keeps, however often it was used", "[own_bytes]") {
  tarn::record_batch batch;
  const auto kept = [](const tarn::record_batch& b) { return b.kept_bytes(); };
  std::size_t most = 0;
  for (const auto records : {std::size_t{1000}, std::size_t{3}, std::size_t{0}, std::size_t{500}}) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i != records; ++i) {
      tarn::record& r = batch.add();
      r.value.assign(std::string(100, 'v'));
      r.headers.add("name", "value");
      sum += r.kept_bytes();
    }
    CHECK(kept(batch) >= sum);
    most = std::max(most, kept(batch));
    CHECK(kept(batch) == most);  // all the memory that ever existed: no byte is lost or forgotten
    const auto copy = batch;
    CHECK(kept(copy) >= records * 100);
    CHECK(kept(copy) <= sum + records * sizeof(tarn::record));
    CHECK(copy == batch);
    batch.reset();
    CHECK(kept(batch) == most);
    auto moved = std::move(batch);
    CHECK(kept(moved) == most);
    CHECK(kept(batch) == 0);  // NOLINT(bugprone-use-after-move): that is what is tested
    batch = std::move(moved);
  }
  batch.shrink(0);
  CHECK(kept(batch) == 0);
}

TEST_CASE("a timestamp that 64 bits do not hold is refused before a byte is written",
          "[own_bytes]") {
  tarn::record_batch batch;
  batch.first_timestamp = std::numeric_limits<std::int64_t>::max() - 5;
  batch.add().timestamp_delta = 5;
  tarn::fast_buffer bytes;
  static_cast<void>(batch.encode(bytes));
  auto too_late = std::string(bytes.view());
  bytes.clear();
  batch.add().timestamp_delta = 6;
  CHECK_THROWS_WITH(batch.encode(bytes), "tarn: timestamp delta 6 must be at most 5");
  CHECK_THROWS_AS(batch.encoded_size(), std::length_error);
  CHECK(bytes.empty());
  batch.first_timestamp = std::numeric_limits<std::int64_t>::min();
  static_cast<void>(batch.encode(bytes));
  CHECK_FALSE(bytes.empty());
  // Bytes of such a batch are refused as well: the first timestamp of the previous batch, two
  // later.
  too_late[34] = static_cast<char>(too_late[34] + 2);
  tarn::detail::crc32c sum;
  sum.update(std::as_bytes(std::span(too_late)).subspan(21));
  for (int i = 0; i != 4; ++i)
    too_late[static_cast<std::size_t>(17 + i)] = static_cast<char>(sum.value() >> (24 - 8 * i));
  const auto result = batch.try_decode(std::as_bytes(std::span(too_late)));
  CHECK(result.fault == tarn::decode_fault::overflow);
  CHECK(result.value == 5);
  CHECK(result.limit == 3);
}

TEMPLATE_LIST_TEST_CASE("a fast buffer appends its own bytes, however it makes room", "[own_bytes]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const auto run = [&](auto& b) {
    b.append("0123456789");
    std::string same = "0123456789";
    for (int i = 0; i != 40; ++i) {
      b.append(b.view().substr(1, 7));
      same += same.substr(1, 7);
      REQUIRE(b.view() == same);
      b.append(b.bytes().subspan(2, 3), b.bytes().first(4));
      same += same.substr(2, 3) + same.substr(0, 4);
      REQUIRE(b.view() == same);
      REQUIRE(b.try_append(b.view()));
      same += std::string(same);
      REQUIRE(b.view() == same);
      b.append("only ", b.view().substr(3, 20));
      same += "only " + same.substr(3, 20);
      b.push_back(b[0]);
      same += same[0];
      REQUIRE(b.view() == same);
      b.consume(same.size() - 40);
      same.erase(0, same.size() - 40);
    }
  };
  test::writer_of<TestType> plain(*pool);
  run(plain);
  test::writer_of<TestType> bounded(*pool, {.max_bytes = 200});
  run(bounded);
  test::writer_of<TestType, 64> local(*pool);
  run(local);
  CHECK_THROWS_AS(bounded.append(bounded.view(), std::string(200, 'x')), std::length_error);
  const volatile auto most = static_cast<std::size_t>(-1);  // hidden from the compiler
  const auto vast = std::span(bounded.data(), most);
  CHECK_THROWS_AS(bounded.append(vast, vast), std::length_error);
  CHECK(bounded.size() == 40);
}

TEMPLATE_LIST_TEST_CASE("where the pool refuses to enlarge it, own bytes move with the others",
                        "[own_bytes]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool);
  b.reserve(64 * 1024);
  pool.source.fail_from(1);
  std::string same(64 * 1024, 'x');
  for (std::size_t i = 0; i != same.size(); ++i)
    same[i] = static_cast<char>('a' + i % 23);
  b.append(same);
  for (int i = 0; i != 20; ++i) {
    b.consume(100);
    same.erase(0, 100);
    b.append(b.view().substr(same.size() - 30), b.view().substr(0, 20));
    same += same.substr(same.size() - 30) + same.substr(0, 20);
    REQUIRE(b.view() == same);
    REQUIRE(b.try_append(b.view().substr(7, 50)));
    same += same.substr(7, 50);
    REQUIRE(b.view() == same);
    REQUIRE_FALSE(b.try_append(b.view().substr(7, 50)));
    REQUIRE(b.view() == same);
  }
  pool.source.never_fail();
}

TEMPLATE_LIST_TEST_CASE("texts and keys may be made of themselves", "[own_bytes]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = test::byte_pool_for<TestType>;
  test::byte_fixture<TestType> pool;
  tarn::basic_string_builder<pool_type> text(*pool);
  tarn::basic_key_builder<pool_type> key(*pool);
  text.append("text");
  key.add("key");
  std::string same = "text";
  std::string same_key = "key";
  for (int i = 0; i != 10; ++i) {
    text.append(text.view()).append(text.view().substr(1), text.view());
    same += same;
    same += same.substr(1) + same;
    REQUIRE(text.view() == same);
    text.write(std::as_bytes(std::span(text.view()))).append(text.view()[0]);
    same += same;
    same += same[0];
    REQUIRE(text.view() == same);
    if (i > 4) {
      text.clear();
      text.append("again");
      same = "again";
    }
    key.add(key.view());
    same_key += ":" + same_key;
    REQUIRE(key.view() == same_key);
  }
  // What is made of them is a copy.
  const auto joined = tarn::join(std::array{key.view(), text.view()}, key.view(), *pool);
  CHECK(joined.view() == same_key + same_key + same);
  auto copy = tarn::copy_value(key.view(), *pool);
  copy = tarn::copy_value(copy.view().substr(1), *pool);
  CHECK(copy.view() == same_key.substr(1));
  auto map = tarn::copy_map(std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}, *pool);
  map = tarn::copy_map(
      std::map<std::string_view, std::span<const std::byte>>{{map.begin()->key, *map.find("b")},
                                                             {map.begin()->text(), *map.find("a")}},
      *pool);
  CHECK(map.size() == 2);
  CHECK(text_of(*map.find("a")) == "2");
  CHECK(text_of(*map.find("1")) == "1");
}

TEST_CASE("a stream may write the bytes of its own buffer", "[own_bytes]") {
  tarn::fast_buffer out;
  tarn::pool_streambuf to(out);
  std::ostream stream(&to);
  stream << "0123456789";
  std::string same = "0123456789";
  for (int i = 0; i != 12; ++i) {
    stream << out.view();
    same += same;
    REQUIRE(out.view() == same);
    stream.put(out.view()[3]);
    same += same[3];
    REQUIRE(out.view() == same);
  }
}
