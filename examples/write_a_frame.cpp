// SPDX-License-Identifier: MIT
// How do I write a frame that begins with its length, and read it?

#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>

#include <tarn/byte_reader.hpp>
#include <tarn/fast_buffer.hpp>

namespace {

// A frame: the length of the body as a varint, a number, and fields with their lengths.
tarn::shared_buffer frame(tarn::byte_pool<>& pool, std::uint32_t number,
                          std::span<const std::string_view> fields) {
  tarn::fast_buffer out(pool, {.front_bytes = 10});  // room for the length
  out.append_be(number);
  for (const auto field : fields)
    out.append_prefixed(field);
  out.prepend_varint(out.size());
  return out.detach_shared();  // hands the block over; no byte moves
}

}  // namespace

int main() {
  tarn::byte_pool<> pool({.name = "frames"});
  const std::string_view fields[] = {"topic", "a key", "a value that is somewhat longer"};
  const tarn::shared_buffer sent = frame(pool, 7, fields);
  std::printf("%zu bytes in a block of %zu, of which this owner's share is %zu\n", sent.size(),
              sent.retained_bytes(), sent.fair_share_bytes());

  // The work of the receiver. Bytes from outside: no read goes past their end.
  tarn::byte_reader in(sent);
  if (in.read_varint() != in.left()) return 1;
  if (in.read_be<std::uint32_t>() != 7) return 1;
  for (const auto expected : fields) {
    const auto field = in.read_prefixed<std::string_view>(1000);
    if (field != expected) return 1;
    std::printf("field: %.*s\n", static_cast<int>(field.size()), field.data());
  }
  const bool is_read = in.empty() && !in.try_read_byte();
  return is_read && pool.occupancy().in_use() == 1 ? 0 : 1;
}
