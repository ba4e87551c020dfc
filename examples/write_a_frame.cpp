// SPDX-License-Identifier: MIT
// How do I write a frame that begins with its length?

#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>

#include <tarn/fast_buffer.hpp>

namespace {

using namespace std::string_view_literals;

// A frame: the length of the body as a varint, a number, and fields with their lengths.
tarn::buffer frame(tarn::byte_pool<>& pool, std::uint32_t number,
                   std::span<const std::string_view> fields) {
  tarn::fast_buffer body(pool);
  body.append_be(number);
  for (const auto field : fields) {
    body.append_varint(field.size());
    body.append(field);
  }
  tarn::fast_buffer out(pool, {.initial_bytes = body.size() + 10});
  out.append_varint(body.size());
  out.append(body.bytes());
  return out.detach();  // hands the block over
}

std::uint64_t take_varint(std::string_view& from) {
  std::uint64_t value = 0;
  for (int shift = 0; !from.empty(); shift += 7) {
    const auto group = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    value |= std::uint64_t{group & 0x7Fu} << shift;
    if (group < 0x80) break;
  }
  return value;
}

}  // namespace

int main() {
  tarn::byte_pool<> pool({.name = "frames"});
  const std::string_view fields[] = {"topic", "a key", "a value that is somewhat longer"};
  const tarn::buffer sent = frame(pool, 7, fields);
  std::printf("%zu bytes in a block of %zu\n", sent.size(), sent.capacity());

  // The work of the receiver.
  auto rest = sent.view();
  if (take_varint(rest) != rest.size()) return 1;
  if (rest.substr(0, 4) != "\0\0\0\7"sv) return 1;
  rest.remove_prefix(4);
  for (const auto expected : fields) {
    const auto size = take_varint(rest);
    if (rest.substr(0, size) != expected) return 1;
    std::printf("field: %.*s\n", static_cast<int>(size), rest.data());
    rest.remove_prefix(size);
  }
  // The body's block went back; only the frame is in use.
  return rest.empty() && pool.occupancy().in_use() == 1 ? 0 : 1;
}
