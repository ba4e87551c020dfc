// SPDX-License-Identifier: MIT
//
// A message after a reset: every field has its first value, and its memory is still there.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tarn/message.hpp>
#include <tarn/message_pool.hpp>

#include "support/catch.hpp"

namespace {

using namespace std::string_view_literals;

constexpr std::size_t kib = 1024;

/// One field: how to change it, and how to check that it has its first value.
struct field {
  const char* name;
  void (*change)(tarn::message&);
  bool (*is_initial)(const tarn::message&);
};

const field fields[] = {
    {"id", [](auto& m) { m.id = 7; }, [](const auto& m) { return m.id == 0; }},
    {"topic", [](auto& m) { m.topic = "orders"; }, [](const auto& m) { return m.topic.empty(); }},
    {"partition", [](auto& m) { m.partition = -3; },
     [](const auto& m) { return m.partition == 0; }},
    {"offset", [](auto& m) { m.offset = 1L << 40; }, [](const auto& m) { return m.offset == 0; }},
    {"key", [](auto& m) { m.key.assign("k"); }, [](const auto& m) { return m.key.empty(); }},
    {"value", [](auto& m) { m.value.assign("v"); }, [](const auto& m) { return m.value.empty(); }},
    {"headers", [](auto& m) { m.headers.add("a", "b"); },
     [](const auto& m) { return m.headers.empty() && m.headers.begin() == m.headers.end(); }},
    {"timestamp", [](auto& m) { m.timestamp = -9; },
     [](const auto& m) { return m.timestamp == 0; }},
    {"checksum", [](auto& m) { m.checksum = 0xffff'ffff; },
     [](const auto& m) { return m.checksum == 0; }},
};

void check_initial(const tarn::message& m) {
  for (const auto& f : fields) {
    INFO(f.name);
    CHECK(f.is_initial(m));
  }
}

void fill(tarn::message& m) {
  for (const auto& f : fields)
    f.change(m);
}

}  // namespace

TEST_CASE("a reset makes each field what it was at first", "[message]") {
  for (const auto& f : fields) {
    INFO(f.name);
    tarn::message m;
    check_initial(m);
    f.change(m);
    CHECK_FALSE(f.is_initial(m));
    m.reset();
    check_initial(m);
  }
  tarn::message all;
  fill(all);
  for (const auto& f : fields)
    CHECK_FALSE(f.is_initial(all));
  all.reset();
  check_initial(all);
}

TEST_CASE("a pool gives a message back with no field of its last use", "[message]") {
  tarn::message_pool<> pool;
  const tarn::message* place = nullptr;
  {
    auto m = pool.get();
    place = m.get();
    fill(*m);
  }
  auto again = pool.get();
  CHECK(again.get() == place);
  check_initial(*again);
}

TEST_CASE("a reset keeps the memory of strings, key, value and headers", "[message]") {
  tarn::message m;
  m.topic.assign(24, 't');
  m.key.assign(std::string(16, 'k'));
  m.value.assign(std::string(256, 'v'));
  m.headers.add("trace", "4bf92f35");
  const auto* const topic = m.topic.data();
  const auto* const value = m.value.bytes().data();
  const auto kept = m.kept_bytes();
  CHECK(kept >= 24 + 16 + 256 + 13);
  m.reset();
  CHECK(m.kept_bytes() == kept);
  m.topic.assign(24, 'u');
  m.value.assign(std::string(256, 'w'));
  CHECK(m.topic.data() == topic);
  CHECK(m.value.bytes().data() == value);
}

TEST_CASE("a part that grew too large is given back, the others and the message stay",
          "[message]") {
  struct part {
    const char* name;
    void (*grow)(tarn::message&, std::size_t);
    std::size_t (*kept)(const tarn::message&);
  };
  const part parts[] = {
      {"topic", [](auto& m, std::size_t n) { m.topic.assign(n, 't'); },
       [](const auto& m) { return m.topic.capacity(); }},
      {"key", [](auto& m, std::size_t n) { m.key.reserve(n); },
       [](const auto& m) { return m.key.capacity(); }},
      {"value", [](auto& m, std::size_t n) { m.value.reserve(n); },
       [](const auto& m) { return m.value.capacity(); }},
      {"headers", [](auto& m, std::size_t n) { m.headers.add("x", std::string(n, 'h')); },
       [](const auto& m) { return m.headers.kept_bytes(); }},
  };
  for (const std::size_t cap : {std::size_t{400}, 64 * kib}) {
    for (const auto& large : parts) {
      INFO(large.name << " above " << cap);
      tarn::options o;
      if (cap != 64 * kib) o.keep_capacity_bytes = cap;  // else: the default
      tarn::message_pool<> pool(o);
      {
        auto m = pool.get();
        for (const auto& p : parts)
          p.grow(*m, 40);
        large.grow(*m, cap);
      }
      auto m = pool.get();
      check_initial(*m);
      for (const auto& p : parts) {
        INFO(p.name);
        CHECK((p.kept(*m) < 40) == (p.name == large.name));
      }
      CHECK(m->kept_bytes() <= cap);
      CHECK(pool.snapshot().constructed == 1);
    }
  }
}

TEST_CASE("a message is kept as it is up to the cap, and shrunk one byte above it", "[message]") {
  const auto kept_after = [](std::size_t bytes) {
    tarn::message_pool<> pool({.keep_capacity_bytes = 1000});
    pool.get()->value.reserve(bytes);
    return pool.get()->value.capacity();
  };
  CHECK(kept_after(1000) == 1000);
  CHECK(kept_after(1001) == 0);
}

TEST_CASE("a message that may keep nothing is still the same message", "[message]") {
  tarn::message_pool<> pool({.keep_capacity_bytes = 0});
  for (int i = 0; i != 3; ++i) {
    auto m = pool.get();
    CHECK(m->kept_bytes() == 0);
    m->topic.assign(100, 't');
    m->key.assign("k");
  }
  CHECK(pool.snapshot().constructed == 1);
}

TEST_CASE("a value that refers to something lets go of it at once", "[message]") {
  using shared_value = std::shared_ptr<const std::string>;
  tarn::message_pool<tarn::basic_message<shared_value>> pool;
  const auto payload = std::make_shared<const std::string>("payload");
  {
    auto m = pool.get();
    m->value = payload;
    CHECK(payload.use_count() == 2);
  }
  CHECK(payload.use_count() == 1);
  CHECK(pool.get()->value == nullptr);
}

TEST_CASE("containers of the standard library are values as well", "[message]") {
  tarn::message_pool<tarn::basic_message<std::vector<int>>> pool({.keep_capacity_bytes = 4000});
  pool.get()->value.assign(1000, 7);
  CHECK(pool.get()->value.capacity() == 1000);
  CHECK(pool.get()->value.empty());
  pool.get()->value.assign(1001, 7);
  CHECK(pool.get()->value.capacity() == 0);
  CHECK(pool.snapshot().constructed == 1);
}

TEST_CASE("a byte string holds what it was given", "[byte_string]") {
  // Every length around the limits between two ways of copying.
  for (std::size_t n = 0; n != 100; ++n) {
    INFO(n);
    std::string text;
    for (std::size_t i = 0; i != n; ++i)
      text += static_cast<char>('!' + i);
    tarn::byte_string s(text);
    CHECK(s.view() == text);
    CHECK(s.size() == n);
    CHECK(s.empty() == (n == 0));
    s.append(text);
    s.append("|"sv);
    CHECK(s.view() == text + text + "|");
    s.assign(s.bytes().subspan(n, n));  // a part of itself
    CHECK(s.view() == text);
    s.append(s.bytes());  // itself
    CHECK(s.view() == text + text);
    const tarn::byte_string copy = s;
    CHECK(copy == s);
    tarn::byte_string moved = std::move(s);
    CHECK(moved == copy);
    CHECK(s.empty());  // NOLINT: what is moved from is empty
    moved = tarn::byte_string("x"sv);
    CHECK(moved.view() == "x");
    CHECK_FALSE(moved == copy);
  }
}

TEST_CASE("a byte string keeps its capacity until it is told to shrink", "[byte_string]") {
  tarn::byte_string s;
  CHECK(s.capacity() == 0);
  s.reserve(100);
  CHECK(s.capacity() == 100);
  s.assign("abc"sv);
  const auto* const data = s.bytes().data();
  s.clear();
  CHECK(s.capacity() == 100);
  s.append(std::string(100, 'x'));
  CHECK(s.bytes().data() == data);
  s.append("y"sv);
  CHECK(s.capacity() >= 200);  // doubles, so that appends are cheap
  CHECK(s.view() == std::string(100, 'x') + "y");
  s.shrink();
  CHECK(s.capacity() == 0);
  CHECK(s.empty());
  CHECK_THROWS_AS(s.reserve_more(SIZE_MAX), std::length_error);
  s.append("z"sv);
  CHECK_THROWS_AS(s.extend(SIZE_MAX), std::length_error);
  CHECK(s.view() == "z");
}

TEST_CASE("headers come back in order, duplicates and empty ones included", "[header_list]") {
  tarn::header_list list;
  const std::pair<std::string, std::string> all[] = {{"a", "1"},
                                                     {"b", ""},
                                                     {"", "no name"},
                                                     {"a", "2"},
                                                     {std::string(50, 'n'), std::string(99, 'v')}};
  for (const auto& [name, value] : all)
    list.add(name, value);
  CHECK(list.size() == std::size(all));
  std::size_t at = 0;
  for (const auto& h : list) {
    CHECK(h.name == all[at].first);
    CHECK(h.text() == all[at].second);
    ++at;
  }
  CHECK(at == std::size(all));
  CHECK((*list.find("a")).text() == "1");
  CHECK((*list.find("")).text() == "no name");
  CHECK(list.find("c") == list.end());

  auto moved = std::move(list);
  CHECK(moved.size() == std::size(all));
  CHECK(list.empty());  // NOLINT: what is moved from is empty
  CHECK(list.size() == 0);
  const auto kept = moved.kept_bytes();
  moved.clear();
  CHECK(moved.empty());
  CHECK(moved.find("a") == moved.end());
  CHECK(moved.kept_bytes() == kept);
  moved.shrink();
  CHECK(moved.kept_bytes() == 0);
}
