// SPDX-License-Identifier: MIT
//
// Protobuf through our streams, with a message type that the library brings.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/wrappers.pb.h>

#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/interop/protobuf.hpp>

#include "support/catch.hpp"

namespace {

google::protobuf::BytesValue message_of(std::size_t bytes) {
  google::protobuf::BytesValue made;
  for (std::size_t i = 0; i != bytes; ++i)
    made.mutable_value()->push_back(static_cast<char>(i * 31));
  return made;
}

/// The same bytes, cut into pieces of `length`, with empty ones between.
std::vector<std::string> cut(std::string_view bytes, std::size_t length) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += length) {
    pieces.emplace_back(bytes.substr(at, length));
    pieces.emplace_back();
  }
  return pieces;
}

}  // namespace

TEST_CASE("a message is written to a fast_buffer and read from it", "[protobuf]") {
  for (const std::size_t size : {0U, 1U, 100U, 126U, 127U, 128U, 5000U, 100000U}) {
    const auto message = message_of(size);
    tarn::fast_buffer bytes;
    bytes.append("before");
    tarn::protobuf_output to(bytes);
    REQUIRE(message.SerializeToZeroCopyStream(&to));
    CHECK(bytes.view() == "before" + message.SerializeAsString());
    CHECK(to.ByteCount() == static_cast<std::int64_t>(bytes.size() - 6));

    bytes.consume(6);
    tarn::protobuf_input from(bytes.bytes());
    google::protobuf::BytesValue read;
    REQUIRE(read.ParseFromZeroCopyStream(&from));
    CHECK(read.value() == message.value());
    CHECK(from.ByteCount() == static_cast<std::int64_t>(bytes.size()));
  }
}

TEST_CASE("a message is read from pieces of every size", "[protobuf]") {
  const auto message = message_of(1000);
  const auto bytes = message.SerializeAsString();
  for (const std::size_t length : {1U, 2U, 3U, 16U, 17U, 100U, 999U, 2000U}) {
    const auto pieces = cut(bytes, length);
    tarn::protobuf_input from(pieces);
    google::protobuf::BytesValue read;
    REQUIRE(read.ParseFromZeroCopyStream(&from));
    CHECK(read.value() == message.value());
    CHECK(from.ByteCount() == static_cast<std::int64_t>(bytes.size()));
  }
}

TEST_CASE("a chain with two messages is read one after the other", "[protobuf]") {
  tarn::byte_pool<> pool;
  tarn::chain chain(pool);
  const auto first = message_of(700);
  const auto second = message_of(900);
  const auto add = [&](std::string_view text) {
    auto piece = pool.get(text.size());
    std::copy_n(text.data(), text.size(), reinterpret_cast<char*>(piece.data()));
    chain.append(std::move(piece));
  };
  const auto head = first.SerializeAsString();
  add(std::string_view(head).substr(0, 300));
  // The second piece holds the end of one message and the begin of the next.
  const auto both = head.substr(300) + second.SerializeAsString();
  add(std::string_view(both).substr(0, 600));
  add(std::string_view(both).substr(600));
  REQUIRE(chain.pieces() == 3);

  tarn::protobuf_input from(chain);
  google::protobuf::BytesValue read;
  REQUIRE(read.ParseFromBoundedZeroCopyStream(&from, static_cast<int>(head.size())));
  CHECK(read.value() == first.value());
  CHECK(from.ByteCount() == static_cast<std::int64_t>(head.size()));  // the rest was backed up
  REQUIRE(read.ParseFromZeroCopyStream(&from));
  CHECK(read.value() == second.value());
}

TEST_CASE("skipping and backing up agree with the bytes, however they are cut", "[protobuf]") {
  std::string bytes;
  for (int i = 0; i != 200; ++i)
    bytes.push_back(static_cast<char>(i));
  for (std::size_t length = 1; length != 60; ++length) {
    const auto pieces = cut(bytes, length);
    tarn::protobuf_input from(pieces);
    std::size_t place = 0;
    int wrong = 0;
    for (unsigned step = 1;; ++step) {
      const void* data = nullptr;
      int size = 0;
      if (!from.Next(&data, &size)) break;
      const std::string_view got(static_cast<const char*>(data), static_cast<std::size_t>(size));
      wrong += got.empty() || got != std::string_view(bytes).substr(place, got.size());
      const auto back = step % 3 == 0 ? got.size() / 2 : step % 3 == 1 ? 0 : got.size() - 1;
      from.BackUp(static_cast<int>(back));
      place += got.size() - back;
      if (step % 4 == 0) {
        wrong += !from.Skip(static_cast<int>(step % 7)) && place + step % 7 <= bytes.size();
        place = std::min(place + step % 7, bytes.size());
      }
      wrong += from.ByteCount() != static_cast<std::int64_t>(place);
    }
    CHECK(wrong == 0);
    CHECK(place == bytes.size());
    CHECK_FALSE(from.Skip(1));
    CHECK(from.Skip(0));
  }
}

TEST_CASE("a buffer that can't grow ends the stream", "[protobuf]") {
  tarn::fast_buffer bytes(tarn::fast_buffer_options{.max_bytes = 500});
  tarn::protobuf_output to(bytes);
  CHECK_FALSE(message_of(1000).SerializeToZeroCopyStream(&to));
  CHECK(bytes.size() <= 500);
  bytes.clear();
  tarn::protobuf_output again(bytes);
  CHECK(message_of(400).SerializeToZeroCopyStream(&again));
  CHECK(bytes.view() == message_of(400).SerializeAsString());
}
