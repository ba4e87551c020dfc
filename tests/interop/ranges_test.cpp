// SPDX-License-Identifier: MIT
//
// Every buffer is a contiguous range of bytes, and text, for functions that take spans and views.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tarn/interop/iovec.hpp>
#include <tarn/interop/streambuf.hpp>
#include <tarn/tarn.hpp>

#include "support/catch.hpp"

namespace {

template <class B>
constexpr bool reads_as_bytes =
    std::ranges::contiguous_range<const B> && std::ranges::sized_range<const B> &&
    std::ranges::common_range<const B> &&
    std::is_same_v<std::ranges::range_value_t<const B>, std::byte> &&
    std::is_convertible_v<const B&, std::span<const std::byte>> &&
    !std::is_convertible_v<const B&, std::span<std::byte>>;
template <class B>
constexpr bool writes_as_bytes =
    reads_as_bytes<B> && std::ranges::contiguous_range<B> &&
    std::ranges::output_range<B, std::byte> && std::is_convertible_v<B&, std::span<std::byte>>;

static_assert(writes_as_bytes<tarn::buffer>);
static_assert(writes_as_bytes<tarn::fast_buffer>);
static_assert(reads_as_bytes<tarn::shared_buffer>);
static_assert(!std::ranges::output_range<tarn::shared_buffer, std::byte>);

std::size_t sum(std::span<const std::byte> bytes) {
  std::size_t total = 0;
  for (const auto b : bytes)
    total += static_cast<std::size_t>(b);
  return total;
}

}  // namespace

TEST_CASE("buffers go where spans and string views go", "[ranges]") {
  tarn::byte_pool<> pool;
  auto owned = pool.get(10);
  std::ranges::fill(owned, std::byte{'a'});
  CHECK(sum(owned) == 970);
  CHECK(std::string_view("aaaaaaaaaa") == owned.view());

  tarn::fast_buffer growing(pool);
  std::ranges::copy(owned.view(), std::back_inserter(growing));
  CHECK(sum(growing) == 970);
  CHECK(growing.view() == owned.view());

  const tarn::shared_buffer shared = tarn::freeze(std::move(owned));
  CHECK(sum(shared) == 970);
  CHECK(shared.view() == growing.view());
  CHECK(std::ranges::equal(shared, growing));
}

// With all of tarn included: names of one header must not meet those of another.
TEST_CASE("whatever is included, bytes are found in every buffer", "[interop]") {
  tarn::fast_buffer out;
  out.append("text");
  const auto one = tarn::to_iovec(out);
  CHECK(one.iov_len == 4);
  tarn::piece_streambuf from(out);
  CHECK(from.sgetc() == 't');
}
