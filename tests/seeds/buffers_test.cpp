// SPDX-License-Identifier: MIT
//
// The seeds' own tests of buffers, writers and messages, ported. Where a seed is wrong, the test
// follows the promise of its README.

#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/builder.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/record_batch.hpp>
#include <tarn/shared_buffer.hpp>

#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("portask: a fast buffer has what was written, and none of it after a clear", "[seeds]") {
  tarn::fast_buffer b({.initial_bytes = 1024});
  b.append("Hello, World!");
  CHECK(b.capacity() == 1024);
  CHECK(b.size() == 13);
  CHECK(b.view() == "Hello, World!");
  const auto capacity = b.capacity();
  b.clear();
  CHECK(b.size() == 0);
  CHECK(b.capacity() == capacity);
  b.reserve(2048);
  CHECK(b.capacity() >= 2048);
}

TEST_CASE("portask: a fast buffer of size zero takes a byte", "[seeds]") {
  tarn::fast_buffer b;  // the seed panics
  b.append('x');
  CHECK(b.view() == "x");
}

TEST_CASE("portask: appending strings grows by doubling", "[seeds]") {
  tarn::byte_pool<> pool;
  tarn::basic_fast_buffer<tarn::no_lock, tarn::counting_stats> b(pool);
  for (int i = 0; i != 100000; ++i)
    b.append("0123456789");  // the seed copies all bytes each time
  CHECK(b.size() == 1000000);
  CHECK(b.numbers().growths <= 14);
}

TEST_CASE("portask: every field of a message is reset, its memory stays", "[seeds]") {
  tarn::message_pool<> pool;
  const tarn::message* first = nullptr;
  const std::byte* value = nullptr;
  {
    auto m = pool.get();
    first = m.get();
    m->id = 1;
    m->topic = "a topic of more than a few bytes";
    m->partition = 2;
    m->offset = 3;
    m->key.assign("key");
    m->value.assign("value");
    value = m->value.bytes().data();
    m->headers.set("name", "content");  // as in a map
    m->headers.set("name", "other content");
    m->headers.set("gone", "");
    m->headers.erase("gone");
    CHECK(m->headers.size() == 1);
    CHECK((*m->headers.find("name")).text() == "other content");
    m->timestamp = 4;
    m->checksum = 5;
  }
  auto m = pool.get();
  REQUIRE(m.get() == first);
  CHECK(m->id == 0);
  CHECK(m->topic.empty());
  CHECK(m->partition == 0);
  CHECK(m->offset == 0);
  CHECK(m->key.empty());
  CHECK(m->value.empty());
  CHECK(m->headers.empty());
  CHECK(m->timestamp == 0);
  CHECK(m->checksum == 0);
  m->value.assign("other");
  CHECK(m->value.bytes().data() == value);
}

TEST_CASE("portask: two first gets of a message pool of ten are two misses, and no hit",
          "[seeds]") {
  tarn::message_pool<> pool({.capacity = 10});
  auto first = pool.get();
  auto second = pool.get();
  const auto now = pool.snapshot().total();
  CHECK(now.gets == 2);
  CHECK(now.misses == 2);
  CHECK(now.hits() == 0);  // the seed reports 2, a ratio of 1
  first.reset();
  first = pool.get();
  CHECK(pool.snapshot().total().hits() == 1);
  std::vector<tarn::message_pool<>::handle> all;
  while (auto m = pool.try_get())
    all.push_back(std::move(m));
  CHECK(all.size() == 8);  // the limit is ten
}

TEST_CASE("bytepool: a buffer counts its references, and zero is terminal", "[seeds]") {
  tarn::byte_pool<> pool;
  auto b = pool.get_shared(0);
  CHECK(b.ref_count() == 1);
  CHECK(b.bytes().empty());
  {
    auto lease = b.writable_lease();  // the seed's Bytes(): the bytes and a function to end it
    CHECK(b.ref_count() == 2);
    lease.release();
    CHECK(b.ref_count() == 1);
    lease.release();  // the seed drops another owner's reference here
    CHECK(b.ref_count() == 1);
  }
  b.release();
  CHECK(b.ref_count() == 0);
  b.release();  // the seed is at -1 now
  CHECK(b.ref_count() == 0);
  auto dead = b.lease();
  CHECK(dead.bytes().empty());
  CHECK(b.ref_count() == 0);  // the seed has 1: a dead buffer comes back to life
  CHECK(!b.retain());
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("bytepool: what one owner writes all owners read", "[seeds]") {
  tarn::byte_pool<> pool;
  const auto b = pool.get_shared(100);
  const auto other = b;
  const auto lease = b.writable_lease();
  std::memcpy(lease.bytes().data(), "text", 4);
  CHECK(other.view().substr(0, 4) == "text");
}

TEST_CASE("bytepool: retain chains", "[seeds]") {
  tarn::byte_pool<> pool;
  auto b = pool.get_shared(1024);
  const auto third = b.retain().retain();
  CHECK(b.ref_count() == 2);
}

TEST_CASE("bytepool: a buffer around any bytes needs no pool to be released into", "[seeds]") {
  tarn::byte_pool<> pool;
  auto memory = std::make_shared<std::vector<std::byte>>(100);
  const std::weak_ptr<std::vector<std::byte>> watch = memory;
  auto b = pool.adopt(*memory, [memory] {});
  memory.reset();
  CHECK(!watch.expired());
  b.release();  // the seed's NewBuffer(x, nil).Release() crashes
  CHECK(watch.expired());
}

TEST_CASE("bytepool: many threads hold a buffer and let it go", "[seeds]") {
  tarn::byte_pool<> pool;
  for (int round = 0; round != 100; ++round) {
    auto b = pool.get_shared(1024);
    std::vector<tarn::shared_buffer> all(10, b);
    b.release();
    test::run_together(10, [&](std::size_t i) { all[i].release(); });
    CHECK(pool.occupancy().in_use() == 0);
  }
  CHECK(pool.snapshot().total().gets == 100);
  CHECK(pool.snapshot().total().puts == 100);
}

TEST_CASE("cachex: a copied value of any size is that value", "[seeds]") {
  for (const auto size : {std::size_t{0}, std::size_t{900}, std::size_t{1024}, std::size_t{1025},
                          std::size_t{2000}, std::size_t{8192}, std::size_t{1} << 20}) {
    const std::string value(size, 7);
    const auto copy = tarn::copy_value(std::string_view(value));
    CHECK(copy.view() == value);  // the seed's copy is all zeros above 1024
  }
}

TEST_CASE("cachex: a copied map has the values of the map", "[seeds]") {
  std::map<std::string, std::string> map;
  for (int i = 0; i != 200; ++i)
    map["key" + std::to_string(i)] = std::string(static_cast<std::size_t>(i) * 20, 'v');
  const auto copy = tarn::copy_map(map);
  CHECK(copy.size() == map.size());
  for (const auto& [key, value] : map) {
    REQUIRE(copy.contains(key));
    const auto found = *copy.find(key);
    CHECK(std::string_view(reinterpret_cast<const char*>(found.data()), found.size()) == value);
  }
}

TEST_CASE("cachex: joins of none, one and many", "[seeds]") {
  using list = std::vector<std::string_view>;
  CHECK(tarn::join(list{}, ",").view().empty());
  CHECK(tarn::join(list{"one"}, ",").view() == "one");
  CHECK(tarn::join(list{"a", "", "c"}, ", ").view() == "a, , c");
}

TEST_CASE("cachex: what a builder gave out stays, and the builder goes back once", "[seeds]") {
  tarn::string_builder builder;
  builder.append("first");
  const auto text = builder.str();  // the seed gives its memory back here, and again at Close
  builder.append(" second");
  CHECK(text == "first");
  CHECK(builder.view() == "first second");
  const auto taken = builder.take();
  CHECK(taken.view() == "first second");
  CHECK(!builder.take());
}

TEST_CASE("takhin: records and batches come out of pools, and count", "[seeds]") {
  tarn::record_pool records;
  {
    auto r = records.get();
    r->value.assign("value");
  }
  CHECK(records.get()->value.empty());
  CHECK(records.snapshot().total().hits() == 1);
  tarn::record_batch_pool batches;
  tarn::fast_buffer wire;
  {
    auto batch = batches.get();
    batch->base_offset = 1000;
    for (int i = 0; i != 3; ++i)
      batch->add().value.assign("value");
    batch->encode(wire);
  }
  CHECK(batches.snapshot().total().gets == 1);
  auto decoded = tarn::record_batch::decode(batches, wire.bytes());
  CHECK(decoded->base_offset == 1000);
  CHECK(decoded->records().size() == 3);
  CHECK(batches.snapshot().total().hits() == 1);
  CHECK(batches.in_flight() == 1);
}

TEST_CASE("synk: a buffer that grows starts empty, and its memory is used again", "[seeds]") {
  tarn::byte_pool<> pool;
  const std::byte* place = nullptr;
  {
    tarn::basic_fast_buffer<> b(pool);
    b.append(bytes_of("abc"));
    CHECK(b.size() == 3);  // the seed has 5003 of 3 written
    place = b.data();
  }
  tarn::basic_fast_buffer<> b(pool);
  b.append('x');
  CHECK(b.data() == place);
  CHECK(b.view() == "x");
}
