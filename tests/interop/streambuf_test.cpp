// SPDX-License-Identifier: MIT
//
// Streams over buffers: writing as std::ostringstream, reading and seeking as std::istringstream.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ios>
#include <istream>
#include <iterator>
#include <ostream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/interop/streambuf.hpp>

#include "support/catch.hpp"

namespace {

void write_something(std::ostream& out) {
  out << "n = " << 42 << ' ' << 1.5 << '\n' << std::hex << 255;
  out.put('!');
  out.write("\0\xff", 2);
  for (int i = 0; i != 300; ++i)
    out << i << ',';
  out << std::string(5000, 'x') << std::flush;
}

/// Pieces that count the steps from one to the next.
struct counted_pieces {
  static inline std::size_t steps = 0;
  std::vector<std::string> all;

  class iterator {
   public:
    using value_type = std::string;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    explicit iterator(const std::string* at) : at_(at) {}
    const std::string& operator*() const { return *at_; }
    iterator& operator++() {
      ++steps;
      ++at_;
      return *this;
    }
    iterator operator++(int) {
      const auto before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator&) const = default;

   private:
    const std::string* at_ = nullptr;
  };
  [[nodiscard]] iterator begin() const { return iterator(all.data()); }
  [[nodiscard]] iterator end() const { return iterator(all.data() + all.size()); }
};

}  // namespace

TEST_CASE("a stream may write what its buffer holds", "[streambuf]") {
  tarn::fast_buffer bytes;
  tarn::pool_streambuf buffer(bytes);
  std::ostream out(&buffer);
  std::string expected = "some text";
  out << "some text";
  for (int i = 0; i != 10; ++i) {
    out << bytes.view();
    expected += std::string(expected);
    REQUIRE(bytes.view() == expected);
  }
}

TEST_CASE("to ask for the place and to go on costs the pieces that are passed", "[streambuf]") {
  counted_pieces pieces;
  for (int i = 0; i != 1000; ++i)
    pieces.all.emplace_back("0123456789");
  tarn::piece_streambuf buffer(pieces);
  std::istream in(&buffer);
  counted_pieces::steps = 0;
  std::size_t wrong = 0;
  for (int i = 0; i != 999; ++i) {
    wrong += in.tellg() != i * 10;
    in.seekg(5, std::ios::cur);
    wrong += in.get() != '5';
    in.seekg(i * 10 + 9, std::ios::beg);
    wrong += in.get() != '9';
  }
  CHECK(wrong == 0);
  CHECK(counted_pieces::steps <= 1000);
  in.seekg(0);
  CHECK(in.get() == '0');
}

TEST_CASE("more bytes than a stream can count are refused", "[streambuf]") {
  static const std::byte first{};
  const auto vast = tarn::shared_buffer::of_static(std::span(&first, SIZE_MAX / 2));
  tarn::chain c;
  c.append(vast);
  tarn::piece_streambuf fits(c);
  c.append(vast);
  CHECK_THROWS_AS(tarn::piece_streambuf(c), std::length_error);
}

TEST_CASE("what a stream writes is in the buffer at once", "[streambuf]") {
  std::ostringstream expected;
  tarn::fast_buffer bytes;
  tarn::pool_streambuf buffer(bytes);
  std::ostream out(&buffer);
  out << "a" << 1;
  CHECK(bytes.view() == "a1");  // without a flush
  CHECK(out.tellp() == 2);
  bytes.clear();
  write_something(expected);
  write_something(out);
  CHECK(bytes.view() == expected.str());
  CHECK(out.tellp() == expected.tellp());
  CHECK(out.good());
  CHECK_FALSE(out.seekp(3));
  CHECK(bytes.view() == expected.str());
}

TEST_CASE("a stream whose buffer can't grow is bad", "[streambuf]") {
  tarn::fast_buffer bytes(tarn::fast_buffer_options{.max_bytes = 100});
  tarn::pool_streambuf buffer(bytes);
  std::ostream out(&buffer);
  CHECK(out << std::string(100, 'x'));
  CHECK_FALSE(out << "y");
  CHECK(out.bad());
  out.clear();
  CHECK_FALSE(out.put('y'));
  out.clear();
  out.exceptions(std::ios_base::badbit);
  CHECK_THROWS_AS(out << "y", std::length_error);
  CHECK(bytes.size() == 100);
}

TEST_CASE("pieces are read as if they were one", "[streambuf]") {
  const std::vector<std::string> pieces = {"", "first li", "ne\n12", "", "", "34 5.", "5 end", ""};
  tarn::piece_streambuf buffer(pieces);
  std::istream in(&buffer);
  CHECK(in.rdbuf()->in_avail() == 8);
  std::string line;
  int whole = 0;
  double real = 0;
  std::string word;
  CHECK(std::getline(in, line));
  CHECK(in >> whole >> real >> word);
  CHECK(line == "first line");
  CHECK(whole == 1234);
  CHECK(real == 5.5);
  CHECK(word == "end");
  CHECK(in.eof());
  CHECK(in.rdbuf()->in_avail() == -1);

  in.clear();
  CHECK(in.seekg(0));
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "first line\n1234 5.5 end");

  in.clear();
  in.seekg(3);
  char all[100];
  CHECK(in.readsome(all, 100) > 0);
  in.seekg(3);
  in.read(all, 100);
  CHECK(std::string_view(all, static_cast<std::size_t>(in.gcount())) == "st line\n1234 5.5 end");
}

TEST_CASE("seeking is as in a string stream", "[streambuf]") {
  const std::vector<std::string> pieces = {"0123", "", "4567", "89"};
  tarn::piece_streambuf buffer(pieces);
  std::istringstream expected("0123456789");
  std::istream in(&buffer);
  const auto agree = [&] {
    return in.tellg() == expected.tellg() && in.peek() == expected.peek() &&
           in.rdstate() == expected.rdstate();
  };
  int wrong = 0;
  for (const auto way : {std::ios_base::beg, std::ios_base::cur, std::ios_base::end}) {
    for (int from = 0; from != 10; ++from) {
      for (int off = -12; off != 13; ++off) {
        in.clear(), expected.clear();
        in.seekg(from), expected.seekg(from);
        in.seekg(off, way), expected.seekg(off, way);
        wrong += in.fail() != expected.fail();
        in.clear(), expected.clear();
        wrong += !agree();
        in.clear(), expected.clear();
        in.seekg(from), expected.seekg(from);
        in.get(), expected.get();
        in.unget(), expected.unget();
        in.clear(), expected.clear();
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(buffer.pubseekoff(INT64_MIN, std::ios_base::end) == std::streampos(-1));
  CHECK(buffer.pubseekoff(INT64_MAX, std::ios_base::cur) == std::streampos(-1));
  CHECK(buffer.pubseekoff(0, std::ios_base::cur, std::ios_base::out) == std::streampos(-1));
}

TEST_CASE("a chain, a buffer and a span are read", "[streambuf]") {
  tarn::byte_pool<> pool;
  tarn::chain chain(pool);
  std::string expected;
  for (int i = 0; i != 20; ++i) {
    auto piece = pool.get(300);
    std::fill(piece.begin(), piece.end(), static_cast<std::byte>('a' + i));
    expected += piece.view();
    chain.append(std::move(piece));
  }
  CHECK(chain.pieces() == 20);
  const auto read = [](std::streambuf& from) {
    return std::string(std::istreambuf_iterator<char>(&from), {});
  };
  tarn::piece_streambuf from_chain(chain);
  CHECK(read(from_chain) == expected);

  tarn::fast_buffer bytes;
  bytes.append(expected);
  tarn::piece_streambuf from_span(bytes.bytes());  // the span object itself may end
  CHECK(read(from_span) == expected);
  tarn::piece_streambuf from_shared(chain.coalesce());
  CHECK(read(from_shared) == expected);
  tarn::piece_streambuf from_nothing(std::string_view{});
  CHECK(read(from_nothing).empty());
}
