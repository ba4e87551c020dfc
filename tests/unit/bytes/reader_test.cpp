// SPDX-License-Identifier: MIT
//
// A reader gives back what the append functions wrote, and never reads past the end.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tarn/byte_reader.hpp>
#include <tarn/chain.hpp>
#include <tarn/concurrent_fast_buffer.hpp>
#include <tarn/fast_buffer.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

static_assert(std::is_copy_assignable_v<tarn::byte_reader>);
static_assert(std::is_copy_assignable_v<tarn::chain_reader>);
static_assert(std::is_constructible_v<tarn::chain_reader, const tarn::chain&>);
static_assert(!std::is_constructible_v<tarn::chain_reader, tarn::chain>);  // would be gone
static_assert(noexcept(std::declval<tarn::byte_reader&>().try_read_prefixed()));
static_assert(noexcept(std::declval<tarn::chain_reader&>().try_read_be<int>()));

template <class P>
using chain_for = tarn::basic_chain<
    typename P::lock, typename P::stats,
    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;

template <class Pool>
auto shared_bytes(Pool& pool, std::span<const std::byte> bytes) {
  auto b = pool.get(bytes.size());
  std::ranges::copy(bytes, b.begin());
  return tarn::freeze(std::move(b));
}
/// The bytes in pieces of up to `most` bytes.
template <class Chain, class Pool>
Chain chain_of(Pool& pool, std::span<const std::byte> bytes, std::size_t most) {
  Chain c(pool, 0);
  std::minstd_rand random(9);
  while (!bytes.empty()) {
    const auto n = (std::min)(bytes.size(), 1 + static_cast<std::size_t>(random()) % most);
    c.append(shared_bytes(pool, bytes.first(n)));
    bytes = bytes.subspan(n);
  }
  return c;
}

template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const tarn::decode_error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

/// Reads what `write_all` wrote.
template <class Reader>
void read_all(Reader in) {
  CHECK(in.position() == 0);
  CHECK(in.template read_be<std::uint32_t>() == 0x01020304);
  CHECK(in.position() == 4);
  CHECK(in.template read_le<std::uint32_t>() == 0x01020304);
  CHECK(in.template read_be<std::int16_t>() == -2);
  CHECK(in.template read_le<std::int64_t>() == INT64_MIN);
  CHECK(in.template read_be<std::uint8_t>() == 255);
  CHECK(in.template read_le<char>() == 'c');
  CHECK(in.template read_be<float>() == 1.5f);
  CHECK(in.template read_le<double>() == -0.1);
  CHECK(std::isnan(in.template read_be<double>()));
  CHECK(in.read_byte() == std::byte{7});
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                                    std::uint64_t{1} << 63, UINT64_MAX})
    CHECK(in.read_varint() == value);
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX})
    CHECK(in.read_zigzag() == value);
  auto ahead = in;  // another position
  const auto text = in.read_prefixed(5);
  CHECK(text.size() == 5);
  std::array<std::byte, 6> prefixed{};
  ahead.read_to(prefixed);
  CHECK(prefixed[0] == std::byte{5});
  CHECK(std::memcmp(prefixed.data() + 1, "hello", 5) == 0);
  CHECK(ahead.position() == in.position());
  CHECK(in.read_prefixed(0).empty());
  in.skip(3);
  CHECK(in.read(4).size() == 4);
  CHECK(in.read(0).empty());
  CHECK(in.left() == 1);
  CHECK(in.rest().size() == 1);
  CHECK(in.empty());
  CHECK(in.rest().empty());
  CHECK(in.read(0).empty());
  CHECK_FALSE(in.try_read_byte());
}

template <class Writer>
void write_all(Writer& out) {
  out.append_be(std::uint32_t{0x01020304});
  out.append_le(std::uint32_t{0x01020304});
  out.append_be(std::int16_t{-2});
  out.append_le(INT64_MIN);
  out.append_be(std::uint8_t{255});
  out.append_le('c');
  out.append_be(1.5f);
  out.append_le(-0.1);
  out.append_be(std::numeric_limits<double>::quiet_NaN());
  out.append(std::byte{7});
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                                    std::uint64_t{1} << 63, UINT64_MAX})
    out.append_varint(value);
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX})
    out.append_zigzag(value);
  out.append_prefixed("hello");
  out.append_prefixed("");
  out.append("skipdata!");
  out.remove_suffix(1);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("what was appended is read again, from one piece and from many", "[bytes]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  tarn::fast_buffer out;
  write_all(out);
  // The wire form of floats is that of their bits.
  CHECK(out.view().substr(20, 4) == std::string("\x3f\xc0\0\0", 4));
  read_all(tarn::byte_reader(out.bytes()));
  read_all(tarn::byte_reader(out.view()));
  for (const std::size_t most : {1u, 2u, 3u, 7u, 1000u}) {
    INFO(most);
    const auto chain = chain_of<chain_for<TestType>>(*pool, out.bytes(), most);
    const auto in_use = pool->occupancy().in_use();
    read_all(tarn::basic_byte_reader(chain));
    CHECK(pool->occupancy().in_use() == in_use);
  }
}

TEMPLATE_LIST_TEST_CASE("the parts that are read share the bytes", "[bytes]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  tarn::fast_buffer out;
  out.append_prefixed("key");
  out.append_prefixed("a value");
  const auto whole = shared_bytes(*pool, out.bytes());
  tarn::byte_reader in(whole);
  const auto key = in.template read_prefixed<std::string_view>();
  CHECK(key == "key");
  const auto value = whole.slice(in.read_prefixed());
  CHECK(value == "a value");
  CHECK(value.data() == whole.data() + 5);
  CHECK(whole.ref_count() == 2);
  const auto chain = chain_of<chain_for<TestType>>(*pool, out.bytes(), 3);
  tarn::basic_byte_reader of_chain(chain);
  of_chain.skip(4);
  const auto part = of_chain.read_prefixed();
  CHECK(part == "a value");
  CHECK(std::find_if(chain.begin(), chain.end(), [&](const auto& piece) {
          return piece.data() <= part.begin()->data() &&
                 part.begin()->data() < piece.data() + piece.size();
        }) != chain.end());
}

TEST_CASE("a read past the end names position, wanted and left, and changes nothing", "[bytes]") {
  tarn::fast_buffer out;
  out.append("0123456789");
  out.append_varint(100);
  out.append("0123456789");
  const auto check = [](auto in) {
    in.skip(8);
    CHECK(error_of([&] { static_cast<void>(in.read(14)); }) ==
          "tarn: reading 14 bytes at byte 8: only 13 are left");
    CHECK(error_of([&] { in.skip(SIZE_MAX); }).find("at byte 8: only 13 are left") !=
          std::string::npos);
    CHECK(in.position() == 8);
    in.skip(2);
    // A length that reaches past the end, of which the prefix is not read either.
    CHECK(error_of([&] { static_cast<void>(in.read_prefixed()); }) ==
          "tarn: reading 101 bytes at byte 10: only 11 are left");
    CHECK_FALSE(in.try_read_prefixed());
    CHECK(in.result().fault == tarn::decode_fault::truncated);
    CHECK(in.result().value == 101);
    CHECK(in.result().limit == 11);
    // It is above the limit whether or not so many bytes come.
    CHECK(error_of([&] { static_cast<void>(in.read_prefixed(99)); }) ==
          "tarn: decoding at byte 10: above the limit, 100 against 99");
    CHECK_FALSE(in.try_read_prefixed(99));
    CHECK(in.result().fault == tarn::decode_fault::above_limit);
    CHECK(in.position() == 10);
    in.skip(8);
    CHECK(error_of([&] { static_cast<void>(in.template read_be<std::uint64_t>()); }) ==
          "tarn: reading 8 bytes at byte 18: only 3 are left");
    CHECK_FALSE(in.template try_read_le<double>());
    std::array<std::byte, 4> to{};
    CHECK_FALSE(in.try_read_to(to));
    CHECK(to == std::array<std::byte, 4>());
    CHECK_THROWS_AS(in.read_to(to), tarn::decode_error);
    CHECK_FALSE(in.try_skip(4));
    CHECK_FALSE(in.try_read(4));
    CHECK(in.position() == 18);
    CHECK(in.try_skip(3));
    CHECK(error_of([&] { static_cast<void>(in.read_byte()); }) ==
          "tarn: reading 1 bytes at byte 21: only 0 are left");
    CHECK_FALSE(in.try_read_varint());
    CHECK_FALSE(in.try_read_zigzag());
    CHECK(in.try_read(0));
  };
  check(tarn::byte_reader(out.bytes()));
  tarn::byte_pool<> pool;
  const auto chain = chain_of<tarn::chain>(pool, out.bytes(), 2);
  check(tarn::chain_reader(chain));
  const tarn::chain none;
  CHECK_FALSE(tarn::chain_reader(none).try_read_byte());
  CHECK(tarn::chain_reader(none).rest().empty());
  CHECK_FALSE(tarn::byte_reader(std::span<const std::byte>()).try_read_varint());
  CHECK(tarn::byte_reader(std::string_view()).rest().empty());
}

TEST_CASE("a varint ends within ten bytes and 64 bits, or is refused", "[bytes]") {
  const auto read = [](std::string_view text) {
    tarn::byte_reader in(text);
    const auto value = in.try_read_varint();
    CHECK(in.position() == (value ? text.size() : 0));
    CHECK((value.has_value() != (in.result().fault != tarn::decode_fault::none)));
    return std::pair(value, in.result().fault);
  };
  using tarn::decode_fault;
  CHECK(read("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").first == UINT64_MAX);
  CHECK(read("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02").second == decode_fault::overflow);
  CHECK(read("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80").second == decode_fault::overflow);
  CHECK(read("\x80\x80\x80\x80\x80\x80\x80\x80\x80").second == decode_fault::truncated);
  CHECK(read("\x80").second == decode_fault::truncated);
  CHECK(read("").second == decode_fault::truncated);
  // A length of 2^64 - 1 is no length that wraps.
  tarn::fast_buffer out;
  out.append_varint(UINT64_MAX);
  out.append("some bytes");
  tarn::byte_reader in(out.bytes());
  CHECK_FALSE(in.try_read_prefixed());
  CHECK(in.result().fault == decode_fault::truncated);
  CHECK(in.result().value == INT64_MAX);  // as large as it can be shown
  CHECK(in.position() == 0);
}

TEST_CASE("several threads write prefixed pieces, and each is read whole", "[bytes]") {
  tarn::concurrent_fast_buffer out;
  out.append_prefixed("one");
  out.append_prefixed("two");
  const auto all = out.take();
  tarn::byte_reader in(all);
  CHECK(in.read_prefixed<std::string_view>() == "one");
  CHECK(in.read_prefixed<std::string_view>() == "two");
  CHECK(in.empty());
}

TEMPLATE_LIST_TEST_CASE("any sequence of fields is read as it was written, whatever the pieces",
                        "[bytes]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  std::minstd_rand random(17);
  using field = std::variant<std::uint8_t, std::uint16_t, std::int32_t, std::uint64_t, float,
                             double, std::string>;
  for (std::size_t round = 0; round != 60; ++round) {
    std::vector<std::pair<int, field>> fields;
    tarn::fast_buffer out;
    const auto number = [&] {
      const auto bits = std::uint64_t{random()} << 33 ^ std::uint64_t{random()} << 13 ^ random();
      return bits >> random() % 64;
    };
    for (int i = 0; i != 40; ++i) {
      const int kind = static_cast<int>(random() % 9);
      field f;
      switch (kind) {
        case 0:
          out.append_be(std::get<std::uint8_t>(f = static_cast<std::uint8_t>(number())));
          break;
        case 1:
          out.append_le(std::get<std::uint16_t>(f = static_cast<std::uint16_t>(number())));
          break;
        case 2:
          out.append_be(std::get<std::int32_t>(f = static_cast<std::int32_t>(number())));
          break;
        case 3:
          out.append_le(std::get<std::uint64_t>(f = number()));
          break;
        case 4:
          out.append_be(std::get<float>(f = static_cast<float>(number())));
          break;
        case 5:
          out.append_le(std::get<double>(f = static_cast<double>(number())));
          break;
        case 6:
          out.append_varint(std::get<std::uint64_t>(f = number()));
          break;
        case 7:
          out.append_zigzag(static_cast<std::int64_t>(std::get<std::uint64_t>(f = number())));
          break;
        default:
          f = std::string(static_cast<std::size_t>(random()) % 40, static_cast<char>('a' + i % 26));
          out.append_prefixed(std::get<std::string>(f));
      }
      fields.emplace_back(kind, f);
    }
    // Of `size` bytes. Every field that is not whole fails, and nothing behind it is touched.
    const auto read_some = [&](auto in, std::size_t size) {
      bool is_right = true;
      for (const auto& [kind, f] : fields) {
        const auto before = in.position();
        field got;
        bool is_read = true;
        const auto take = [&](const auto& read) {
          if (read) {
            got = *read;
          } else {
            is_read = false;
          }
        };
        switch (kind) {
          case 0:
            take(in.template try_read_be<std::uint8_t>());
            break;
          case 1:
            take(in.template try_read_le<std::uint16_t>());
            break;
          case 2:
            take(in.template try_read_be<std::int32_t>());
            break;
          case 3:
            take(in.template try_read_le<std::uint64_t>());
            break;
          case 4:
            take(in.template try_read_be<float>());
            break;
          case 5:
            take(in.template try_read_le<double>());
            break;
          case 6:
            take(in.try_read_varint());
            break;
          case 7: {
            const auto read = in.try_read_zigzag();
            is_read = read.has_value();
            if (is_read) got = static_cast<std::uint64_t>(*read);
            break;
          }
          default: {
            const auto read = in.try_read_prefixed();
            is_read = read.has_value();
            if (!is_read) break;
            std::string text;
            if constexpr (requires { read->data(); }) {
              text.assign(reinterpret_cast<const char*>(read->data()), read->size());
            } else {
              for (const auto& piece : *read)
                text += piece.view();
            }
            got = text;
          }
        }
        if (!is_read) {
          is_right &= in.position() == before && in.result().fault == tarn::decode_fault::truncated;
          return is_right && size != out.size();
        }
        is_right &= got == f;
      }
      return is_right && in.empty() && size == out.size();
    };
    for (std::size_t size = 0; size <= out.size(); size += size + 8 < out.size() ? 7u : 1u) {
      // On the heap, with nothing behind the bytes: a sanitizer sees a read past the end.
      const auto copy = std::make_unique<std::byte[]>(size);
      std::copy_n(out.data(), size, copy.get());
      const std::span<const std::byte> bytes(copy.get(), size);
      REQUIRE(read_some(tarn::byte_reader(bytes), size));
      const auto chain = chain_of<chain_for<TestType>>(*pool, bytes, 1 + round % 9);
      REQUIRE(read_some(tarn::basic_byte_reader(chain), size));
    }
  }
}
