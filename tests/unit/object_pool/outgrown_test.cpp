// SPDX-License-Identifier: MIT
//
// Objects that were large once: an idle object keeps keep_capacity_bytes at most, even if it has
// its own reset(). The pool refuses the option for types that it can't measure.

#include <any>
#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::detail::field_count;
using tarn::detail::is_measurable;
using tarn::detail::kept_bytes;

struct request {
  std::vector<char> body;
  std::string url;
  void reset() noexcept {
    body.clear();
    url.clear();
  }
};
/// Clears its rows, and keeps them.
struct table {
  std::vector<std::vector<int>> rows;
  void reset() noexcept {
    for (auto& row : rows)
      row.clear();
  }
};
struct nested {
  request parts[2];
  std::optional<std::string> note;
  std::pair<int, std::vector<int>> numbered;
  void reset() noexcept {
    for (auto& part : parts)
      part.reset();
    if (note) note->clear();
    numbered.second.clear();
  }
};
class closed {
 public:
  closed() = default;
  void fill(std::size_t n) { body_.resize(n); }
  void reset() noexcept { body_.clear(); }

 private:
  std::vector<char> body_;
};
class telling : public closed {
 public:
  void fill(std::size_t n) {
    closed::fill(n);
    most_ = n > most_ ? n : most_;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return most_; }

 private:
  std::size_t most_ = 0;
};

// Types that are measured, and types that are not.
struct empty {};
struct derived : request {
  int more = 0;
};
struct with_union {
  int kind;
  union {
    int whole;
    float real;
  };
  std::string text;
};
struct bit_fields {
  unsigned a : 3;
  unsigned b : 5;
  std::string text;
};
struct arrays {
  char bytes[64];
  std::string texts[2];
  std::array<std::string, 20> more;
};
struct sixteen {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o;
  std::string p;
};
struct seventeen {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
  std::string q;
};
struct greedy {
  std::optional<std::vector<int>> maybe;
  std::function<void()> function;
  std::any any;
  std::variant<int, std::string> either;
  std::mutex mutex;
  std::atomic<int> number{3};
  std::unique_ptr<int> pointer;
  std::map<std::string, std::vector<int>> named;
};
struct explicitly_made {
  explicit explicitly_made() {}
  std::string text;
};
struct with_explicitly_made {
  std::string a;
  struct explicitly_made b;
};
int some_number = 0;
struct with_reference {
  std::string a;
  int& b = some_number;
};
struct half_private {
  std::string a;

 private:
  std::string b;
};
struct tree {
  std::vector<tree> children;
  std::string name;
};
static_assert(field_count<empty>() == 0 && field_count<request>() == 2);
static_assert(field_count<derived>() == 0 && field_count<with_union>() == 0);
static_assert(field_count<bit_fields>() == 3 && field_count<arrays>() == 3);
static_assert(field_count<sixteen>() == 16 && field_count<seventeen>() == 0);
static_assert(field_count<greedy>() == 8 && field_count<tree>() == 2);
static_assert(field_count<with_explicitly_made>() == 0 && field_count<with_reference>() == 0);
static_assert(field_count<half_private>() == 0 && field_count<closed>() == 0);
static_assert(is_measurable<greedy>() && is_measurable<tree>() && is_measurable<telling>());
static_assert(is_measurable<std::deque<int>>() && is_measurable<std::tuple<int, std::string>>());
static_assert(!is_measurable<int>() && !is_measurable<closed>() && !is_measurable<derived>());

template <class T, class P>
using pool_of = tarn::object_pool<T, typename P::lock, typename P::stats>;

}  // namespace

TEST_CASE("what objects hold is the sum over fields, elements and what optionals have",
          "[object_pool]") {
  tree t;
  t.children.resize(3);
  t.children[1].name.resize(5000);
  CHECK(kept_bytes(t) >= 3 * sizeof(tree) + 5000);
  CHECK(kept_bytes(t) < 3 * sizeof(tree) + 5200);
  arrays a{};
  a.more[19].resize(300);
  a.texts[1].resize(700);
  CHECK(kept_bytes(a) >= 1000);
  greedy g;
  const auto before = kept_bytes(g);
  g.maybe.emplace().reserve(50);
  g.named["one"].reserve(100);
  CHECK(kept_bytes(g) >= before + 150 * sizeof(int));
}

TEMPLATE_LIST_TEST_CASE("objects with a reset of their own are measured", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t most = 1000;
  pool_of<request, TestType> requests({.keep_capacity_bytes = most});
  {
    requests.get()->body.resize(most / 2);
  }
  CHECK(requests.get()->body.capacity() == most / 2);  // kept
  {
    requests.get()->body.resize(most * 10);
  }
  CHECK(requests.get()->body.capacity() == 0);
  {
    requests.get()->url.resize(most * 10);
  }
  CHECK(requests.get()->url.capacity() < most);

  pool_of<table, TestType> tables({.keep_capacity_bytes = most});
  {
    tables.get()->rows.resize(4);
  }
  CHECK(tables.get()->rows.size() == 4);
  {
    tables.get()->rows[3].resize(most);
  }
  CHECK(tables.get()->rows.empty());

  pool_of<nested, TestType> all({.keep_capacity_bytes = most});
  {
    all.get()->parts[1].body.resize(most * 2);
  }
  CHECK(all.get()->parts[1].body.capacity() == 0);
  {
    all.get()->note.emplace(most * 2, 'x');
  }
  CHECK_FALSE(all.get()->note.has_value());
  {
    all.get()->numbered.second.resize(most);
  }
  CHECK(all.get()->numbered.second.capacity() == 0);

  pool_of<telling, TestType> others({.keep_capacity_bytes = most});
  {
    others.get()->fill(most * 2);
  }
  CHECK(others.get()->capacity() == 0);
}

TEMPLATE_LIST_TEST_CASE("messages of a user's type are measured as objects are", "[message_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::message_pool<request, typename TestType::lock, typename TestType::stats> pool(
      {.keep_capacity_bytes = 1000});
  {
    pool.get()->body.resize(10'000);
  }
  CHECK(pool.get()->body.capacity() == 0);
}

TEST_CASE("keep_capacity_bytes is refused where it could do nothing", "[object_pool]") {
  const tarn::options bounded{.keep_capacity_bytes = 1000};
  CHECK_THROWS_AS((tarn::object_pool<closed, tarn::no_lock>(bounded)), std::invalid_argument);
  CHECK_THROWS_AS((tarn::message_pool<closed, tarn::no_lock>(bounded)), std::invalid_argument);
  CHECK_NOTHROW(tarn::object_pool<closed, tarn::no_lock>());
  // An object that holds no memory is never above the limit.
  CHECK_NOTHROW(tarn::object_pool<int, tarn::no_lock>(bounded));
  try {
    tarn::object_pool<closed, tarn::no_lock> pool(bounded);
  } catch (const std::invalid_argument& e) {
    CHECK(std::string(e.what()) ==
          "tarn: keep_capacity_bytes 1000 can't be heeded: what the objects hold is not known, "
          "until they tell it by a member std::size_t kept_bytes() const");
  }
}
