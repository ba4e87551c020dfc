// SPDX-License-Identifier: MIT
//
// The tests for Asio and for Boost.Asio: the includer names the library `net`.

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/interop/asio.hpp>
#include <tarn/interop/async_get.hpp>
#include <tarn/object_pool.hpp>

#include "support/catch.hpp"

namespace {

using tarn_net = tarn::asio_buffers<net::mutable_buffer, net::const_buffer>;
using view = tarn::dynamic_view<tarn::fast_buffer, net::mutable_buffer, net::const_buffer>;
using view_v1 = tarn::dynamic_view_v1<tarn::fast_buffer, net::mutable_buffer, net::const_buffer>;
using chain_view = tarn::piece_buffers<tarn::chain, net::const_buffer>;

static_assert(net::is_dynamic_buffer_v2<view>::value);
static_assert(net::is_dynamic_buffer_v1<view_v1>::value);
static_assert(net::is_const_buffer_sequence<chain_view>::value);
static_assert(!net::is_mutable_buffer_sequence<chain_view>::value);

/// The two ends of a connection.
struct connection {
  net::io_context context;
  net::local::stream_protocol::socket here{context};
  net::local::stream_protocol::socket there{context};
  connection() { net::local::connect_pair(here, there); }

  void send(std::string_view text) { net::write(there, net::buffer(text.data(), text.size())); }
};

tarn::chain chain_of(tarn::byte_pool<>& pool, std::size_t pieces, std::string& expected) {
  tarn::chain made(pool);
  for (std::size_t i = 0; i != pieces; ++i) {
    auto piece = pool.get(200 + i);
    std::fill(piece.begin(), piece.end(), static_cast<std::byte>('a' + i % 26));
    expected += piece.view();
    made.append(std::move(piece));
  }
  return made;
}

}  // namespace

TEST_CASE("read_until reads into a fast_buffer", "[asio]") {
  connection c;
  tarn::fast_buffer bytes;
  c.send("first line\r\nsecond ");
  const auto n = net::read_until(c.here, tarn_net::dynamic(bytes), "\r\n");
  CHECK(bytes.view().substr(0, n) == "first line\r\n");
  bytes.consume(n);
  c.send("line\r\n");
  CHECK(net::read_until(c.here, tarn_net::dynamic(bytes), "\r\n") == 13);
  CHECK(bytes.view() == "second line\r\n");  // the room that was grown for the read is gone
}

TEST_CASE("async_read_until reads line after line", "[asio]") {
  connection c;
  tarn::fast_buffer bytes;
  std::string expected;
  std::string got;
  for (int i = 0; i != 200; ++i)
    expected += "line " + std::to_string(i) + std::string(static_cast<std::size_t>(i), '.') + "\n";
  struct reader {
    connection& c;
    tarn::fast_buffer& bytes;
    std::string& got;
    std::size_t wanted;
    void start() {
      net::async_read_until(c.here, tarn_net::dynamic(bytes), '\n',
                            [this](const auto& error, std::size_t n) {
                              if (error) return;
                              got += bytes.view().substr(0, n);
                              bytes.consume(n);
                              if (got.size() != wanted) start();
                            });
    }
  };
  reader r{c, bytes, got, expected.size()};
  r.start();
  std::size_t sent = 0;
  net::async_write(c.there, net::buffer(expected), [&](const auto&, std::size_t n) { sent = n; });
  c.context.run();
  CHECK(sent == expected.size());
  CHECK(got == expected);
}

TEST_CASE("what does not fit is an error and changes nothing", "[asio]") {
  connection c;
  tarn::fast_buffer bytes;
  auto limited = tarn_net::dynamic(bytes, 10);
  CHECK(limited.max_size() == 10);
  limited.grow(10);
  CHECK_THROWS_AS(limited.grow(1), std::length_error);
  CHECK_THROWS_AS(limited.grow(SIZE_MAX), std::length_error);
  CHECK(limited.size() == 10);
  limited.shrink(4);
  limited.consume(1);
  CHECK(bytes.size() == 5);
  limited.shrink(SIZE_MAX);
  CHECK(bytes.empty());
  limited.consume(SIZE_MAX);

  c.send("a line that is too long\n");
  CHECK_THROWS(net::read_until(c.here, limited, '\n'));  // "Element not found", as Asio says it
  CHECK(bytes.size() <= 10);

  auto v1 = tarn_net::dynamic_v1(bytes, 20);
  CHECK_THROWS_AS(v1.prepare(21), std::length_error);

  tarn::fast_buffer small(tarn::fast_buffer_options{.max_bytes = 100});
  CHECK(tarn_net::dynamic(small).max_size() == 100);
}

TEST_CASE("the view shows any part of the bytes", "[asio]") {
  tarn::fast_buffer bytes;
  bytes.append("0123456789");
  auto v = tarn_net::dynamic(bytes);
  const auto text = [](const auto& b) {
    return std::string(static_cast<const char*>(b.data()), b.size());
  };
  CHECK(text(v.data(0, 4)) == "0123");
  CHECK(text(v.data(8, 100)) == "89");
  CHECK(text(v.data(10, 1)).empty());
  CHECK(text(std::as_const(v).data(3, 2)) == "34");
  CHECK(v.capacity() >= v.size());
  static_cast<char*>(v.data(0, 1).data())[0] = 'x';
  CHECK(bytes.view() == "x123456789");

  auto older = tarn_net::dynamic_v1(bytes);
  const auto to = older.prepare(3);
  CHECK(to.size() == 3);
  std::copy_n("abc", 3, static_cast<char*>(to.data()));
  older.commit(2);
  CHECK(text(older.data()) == "x123456789ab");
}

TEST_CASE("commit moves at most what was prepared, and is no error", "[asio]") {
  for (const std::size_t most : {std::size_t{20}, SIZE_MAX}) {
    tarn::fast_buffer bytes;
    bytes.reserve(100);  // reserved capacity alone is not prepared
    auto v = tarn_net::dynamic_v1(bytes, most);
    v.commit(1);
    CHECK(v.size() == 0);
    CHECK(v.prepare(0).size() == 0);
    v.commit(0);
    v.commit(1);
    v.commit(v.max_size() + 1);
    CHECK(v.size() == 0);
    v.consume(0);
    v.consume(1);
    v.consume(v.max_size() + 1);
    CHECK(v.size() == 0);
    CHECK_THROWS_AS(v.prepare(v.max_size() + 1), std::length_error);
    static_cast<void>(v.prepare(10));
    v.commit(100);
    CHECK(v.size() == 10);
    v.commit(1);  // the first commit ends the rest of a prepared region
    CHECK(v.size() == 10);
    static_cast<void>(v.prepare(5));
    static_cast<void>(v.prepare(3));
    v.commit(4);
    CHECK(v.size() == 13);
    CHECK_THROWS_AS(v.prepare(v.max_size()), std::length_error);
    CHECK(v.size() == 13);
  }
}

TEST_CASE("what was prepared is there whatever is consumed before it is committed", "[asio]") {
  for (std::size_t gone = 0; gone != 6; ++gone) {
    tarn::fast_buffer bytes;
    auto v = tarn_net::dynamic_v1(bytes);
    bytes.append("front");
    const auto to = v.prepare(200);
    std::fill_n(static_cast<char*>(to.data()), 200, 'x');
    v.consume(gone);
    v.commit(150);
    CHECK(bytes.view() == std::string("front").substr(gone) + std::string(150, 'x'));
  }
}

TEST_CASE("any sequence of prepare, commit and consume keeps the bytes in order", "[asio]") {
  // h: bytes in total, i: bytes prepared at once, j: bytes written, k: bytes consumed at once.
  const std::string source = "Hello, world!";
  std::size_t wrong = 0;
  for (std::size_t h = 1; h <= source.size(); ++h) {
    for (std::size_t i = 1; i <= h; ++i) {
      for (std::size_t j = 1; j <= i + 1; ++j) {
        for (std::size_t k = 1; k <= h; ++k) {
          tarn::fast_buffer bytes;
          auto v = tarn_net::dynamic_v1(bytes, source.size());
          for (std::size_t at = 0; at != h;) {
            const auto to = v.prepare(std::min(i, v.max_size() - v.size()));
            const auto n =
                net::buffer_copy(to, net::buffer(source.data() + at, std::min(j, h - at)));
            v.commit(n);
            at += n;
          }
          wrong += v.size() != h || net::buffer_size(v.data()) != h;
          wrong += bytes.view() != source.substr(0, h);
          wrong += net::buffer_size(std::as_const(v).data()) != h;
          while (v.size() > 0)
            v.consume(k);
          wrong += net::buffer_size(v.cdata()) != 0;
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the older view shows its content to be changed or to be read only", "[asio]") {
  tarn::fast_buffer bytes;
  auto v = tarn_net::dynamic_v1(bytes);
  static_assert(std::is_same_v<decltype(v)::mutable_data_type, net::mutable_buffer>);
  static_assert(std::is_same_v<decltype(v.data()), net::mutable_buffer>);
  static_assert(std::is_same_v<decltype(std::as_const(v).data()), net::const_buffer>);
  static_assert(std::is_same_v<decltype(v.cdata()), net::const_buffer>);
  v.commit(net::buffer_copy(v.prepare(5), net::buffer("*****", 5)));
  CHECK(net::buffer_copy(v.data(), net::buffer("Hello", 5)) == 5);
  CHECK(bytes.view() == "Hello");
  // A copy refers to the same bytes, as does an assigned or swapped view.
  tarn::fast_buffer others;
  others.append("others");
  auto w = tarn_net::dynamic_v1(others);
  std::swap(v, w);
  CHECK(v.size() == 6);
  CHECK(w.size() == 5);
  w = v;
  CHECK(w.size() == 6);
}

TEST_CASE("a chain is written as it is, however many pieces it has", "[asio]") {
  tarn::byte_pool<> pool;
  std::string expected;
  const auto chain = chain_of(pool, 300, expected);
  REQUIRE(chain.pieces() == 300);
  CHECK(net::buffer_size(tarn_net::pieces(chain)) == expected.size());

  connection c;
  std::size_t sent = 0;
  net::async_write(c.there, tarn_net::pieces(chain), [&](const auto&, std::size_t n) { sent = n; });
  tarn::fast_buffer bytes;
  net::async_read(c.here, tarn_net::dynamic(bytes), net::transfer_exactly(expected.size()),
                  [](const auto&, std::size_t) {});
  c.context.run();
  CHECK(sent == expected.size());
  CHECK(bytes.view() == expected);

  std::string few;
  const auto short_chain = chain_of(pool, 5, few);
  CHECK(net::write(c.there, tarn_net::pieces(short_chain)) == few.size());
  bytes.clear();
  net::read(c.here, tarn_net::dynamic(bytes), net::transfer_exactly(few.size()));
  CHECK(bytes.view() == few);

  // Backwards, as some algorithms iterate.
  const auto view = tarn_net::pieces(short_chain);
  CHECK((*--view.end()).size() == 204);
}

// Asio 1.24 knows no coroutines under clang.
#if defined(ASIO_HAS_CO_AWAIT) || defined(BOOST_ASIO_HAS_CO_AWAIT)

namespace {

template <class Pool>
net::awaitable<void> get_one(Pool& pool, int& got, std::thread::id& where) {
  using gets = tarn::asio_gets<net::async_result>;
  const auto b =
      co_await gets::async_get(pool, 1000, co_await net::this_coro::executor, net::use_awaitable);
  got += b && b.size() == 1000 ? 1 : 100;
  where = std::this_thread::get_id();
}

}  // namespace

TEST_CASE("coroutines wait for buffers, and go on in their own executor", "[asio]") {
  tarn::byte_pool<> pool({.capacity = 1});
  net::io_context context;
  int got = 0;
  std::thread::id where;
  auto out = pool.get(1000);
  for (int i = 0; i != 10; ++i)
    net::co_spawn(context, get_one(pool, got, where), net::detached);
  context.poll();
  CHECK(got == 0);
  {
    const std::jthread other([&] { out.reset(); });
    context.run();
  }
  CHECK(got == 10);
  CHECK(where == std::this_thread::get_id());
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("coroutines wait for objects, or get what the factory throws", "[asio]") {
  using gets = tarn::asio_gets<net::async_result>;
  bool throws = false;
  auto factory = [&throws] {
    if (throws) throw std::runtime_error("no object");
    return std::string("new");
  };
  using traits = tarn::object_traits<tarn::keep_objects<decltype(factory)>>;
  tarn::object_pool<std::string, std::mutex, tarn::counting_stats, traits> pool(
      {.capacity = 1, .keep_capacity_bytes = 0}, {factory});
  net::io_context context;
  int got = 0;
  int failed = 0;
  const auto get_one = [&]() -> net::awaitable<void> {
    try {
      const auto object =
          co_await gets::async_get(pool, co_await net::this_coro::executor, net::use_awaitable);
      got += object ? 1 : 100;
    } catch (const std::runtime_error&) {
      ++failed;
    }
  };
  const auto run_one = [&] {
    net::co_spawn(context, get_one, net::detached);
    context.restart();
    context.poll();
  };
  run_one();
  CHECK(got == 1);
  auto out = pool.get();
  run_one();
  CHECK(got == 1);         // it waits
  out->assign(1000, 'x');  // too large to be kept: the next get makes another one
  throws = true;
  out.reset();
  context.restart();
  context.run();
  CHECK(failed == 1);
  run_one();  // the factory throws at the first attempt
  CHECK(failed == 2);
  throws = false;
  run_one();
  CHECK(got == 2);
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("any number of gets, or of coroutines that wait, does not let the stack grow", "[asio]") {
  using gets = tarn::asio_gets<net::async_result>;
  constexpr int many = 20'000;
  tarn::byte_pool<> pool({.capacity = 1});
  net::io_context context;
  int rounds = 0;
  const auto loop = [&]() -> net::awaitable<void> {
    const auto executor = co_await net::this_coro::executor;
    for (int i = 0; i != many; ++i) {
      const auto b = co_await gets::async_get(pool, 100, executor, net::use_awaitable);
      rounds += b ? 1 : 0;
    }
  };
  net::co_spawn(context, loop, net::detached);
  context.run();
  CHECK(rounds == many);

  int got = 0;
  std::thread::id where;
  auto out = pool.get(1000);
  for (int i = 0; i != many; ++i)
    net::co_spawn(context, get_one(pool, got, where), net::detached);
  context.restart();
  context.poll();
  CHECK(got == 0);
  net::post(context, [&] { out.reset(); });
  context.restart();
  context.run();
  CHECK(got == many);
}

#endif

TEST_CASE("a handler is not called inside the call, whatever the executor", "[asio]") {
  using gets = tarn::asio_gets<net::async_result>;
  tarn::byte_pool<> pool({.capacity = 1});
  net::io_context context;
  int inside = 0, calls = 0;
  const auto begin = [&](const auto& executor) {
    bool in_call = true;
    gets::async_get(pool, 100, executor, [&](tarn::byte_pool<>::buffer b) {
      inside += in_call ? 1 : 0;
      calls += b ? 1 : 0;
    });
    in_call = false;
    context.poll();  // what the handler refers to is here
  };
  net::post(context, [&] {
    begin(context.get_executor());
    begin(net::any_io_executor(context.get_executor()));
    begin(net::make_strand(context));
    begin(net::any_io_executor(net::make_strand(context)));
  });
  context.run();
  CHECK(inside == 0);
  CHECK(calls == 4);
}

TEST_CASE("a handler gets its buffer later, or an empty one when the pool closes", "[asio]") {
  tarn::byte_pool<> pool({.capacity = 1});
  net::io_context context;
  using gets = tarn::asio_gets<net::async_result>;
  std::string calls;
  const auto begin = [&] {
    gets::async_get(pool, 100, context.get_executor(),
                    [&](tarn::byte_pool<>::buffer b) { calls += b ? "got " : "nothing "; });
  };
  begin();
  CHECK(calls.empty());  // not inside the call
  context.run();
  CHECK(calls == "got ");
  const auto out = pool.get(100);
  begin();
  begin();
  pool.close();
  context.restart();
  context.run();
  CHECK(calls == "got nothing nothing ");
}
