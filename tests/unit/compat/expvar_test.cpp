// SPDX-License-Identifier: MIT
//
// Variables of /debug/vars: functions beside pools.

#include <atomic>
#include <cstddef>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/compat/expvar.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

std::string body_of(const tarn::expvar_registry& all) {
  std::string text;
  tarn::write_debug_vars(std::back_inserter(text), all);
  return text;
}

template <class Value>
std::string json_of(Value value) {
  tarn::expvar_registry all;
  const auto one = all.publish("v", [value] { return value; });
  return *all.read("v");
}

template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("functions and pools are written as one object, sorted by name", "[expvar]") {
  tarn::expvar_registry all;
  CHECK(body_of(all) == "{\n\n}\n");
  tarn::byte_pool<std::mutex, tarn::counting_stats, tarn::traits<tarn::fixed_tiers<128>>> pool;
  const auto frames = all.publish_pool(pool, "frames_");
  int asked = 0;
  const auto counter = all.publish("asked", [&asked] { return ++asked; });
  const auto last = all.publish("z\"z", [] { return "text"; });
  static_cast<void>(pool.get(100));
  CHECK(body_of(all) ==
        "{\n\"asked\": 1,\n\"frames_pool_stats\": {\"discarded\":0,\"pools\":{\"128\":{\"get\":1,"
        "\"put\":1}},\"recent_lengths\":null,\"total_get\":1,\"total_put\":1},\n"
        "\"z\\\"z\": \"text\"\n}\n");
  CHECK(all.size() == 3);
  CHECK(*all.read("asked") == "2");
  CHECK(asked == 2);
}

TEST_CASE("values of many types become JSON", "[expvar]") {
  CHECK(json_of(true) == "true");
  CHECK(json_of(-5) == "-5");
  CHECK(json_of((std::numeric_limits<std::int64_t>::min)()) == "-9223372036854775808");
  CHECK(json_of(~std::uint64_t{0}) == "18446744073709551615");
  CHECK(json_of(0.25) == "0.25");
  CHECK(json_of(std::numeric_limits<double>::infinity()) == "null");
  CHECK(json_of(nullptr) == "null");
  CHECK(json_of(static_cast<const char*>(nullptr)) == "null");
  CHECK(json_of(std::string("a\n<b>")) == R"("a\n\u003cb\u003e")");
  CHECK(json_of(std::optional<int>()) == "null");
  CHECK(json_of(std::optional<int>(7)) == "7");
  CHECK(json_of(tarn::json_text{R"({"own":[1]})"}) == R"({"own":[1]})");
  CHECK(json_of(std::vector<int>{1, 2, 3}) == "[1,2,3]");
  CHECK(json_of(std::vector<int>()) == "[]");
  using map = std::map<std::string, std::vector<double>>;
  CHECK(json_of(map{{"b", {}}, {"a", {1, 2.5}}}) == R"({"a":[1,2.5],"b":[]})");
}

TEMPLATE_LIST_TEST_CASE("a pool of any policies is a variable until it ends", "[expvar]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  tarn::expvar_registry all;
  using pool_type = tarn::byte_pool<typename TestType::lock, typename TestType::stats>;
  auto pool = std::make_unique<pool_type>();
  const auto one = all.publish_pool(*pool, "");
  static_cast<void>(pool->get(100));
  CHECK(all.read("pool_stats")
            ->find(TestType::stats::counts ? R"("128":{"get":1,"put":1})"
                                           : R"("128":{"get":0,"put":0})") != std::string::npos);
  tarn::object_pool<std::string, typename TestType::lock, typename TestType::stats> objects;
  const auto two = all.publish_pool(objects, "objects_");
  CHECK(all.size() == 2);
  pool.reset();
  CHECK(all.size() == 1);
  CHECK_FALSE(all.read("pool_stats"));
  CHECK(body_of(all).find("\"pool_stats\"") == std::string::npos);
  pool_type next;
  const auto again = all.publish_pool(next, "");  // its name is free
  CHECK(all.read("pool_stats"));
  tarn::unsized_pool<typename TestType::lock, typename TestType::stats> unsized;
  CHECK(all.publish_pool(unsized, "u_"));
}

TEST_CASE("a name is taken once, and free again after its end", "[expvar]") {
  tarn::expvar_registry all(2);
  auto a = all.publish("a", [] { return 1; });
  CHECK(message_of([&] { static_cast<void>(all.publish("a", [] { return 2; })); }) ==
        "tarn: a variable named 'a' is already published");
  CHECK(*all.read("a") == "1");
  CHECK(message_of([&] { static_cast<void>(all.publish("", [] { return 2; })); }) ==
        "tarn: a variable without a name can't be published");
  const auto b = all.publish("b", [] { return 3; });
  CHECK(message_of([&] { static_cast<void>(all.publish("c", [] { return 4; })); }) ==
        "tarn: variable 'c' can't be published: there are 2 already, as many as may be");
  a.reset();
  a.reset();
  CHECK_FALSE(a);
  CHECK_FALSE(all.read("a"));
  CHECK(all.unpublish("b"));
  CHECK_FALSE(all.unpublish("b"));
  CHECK_FALSE(all.unpublish("never"));
  a = all.publish("a", [] { return 5; });
  CHECK(body_of(all) == "{\n\"a\": 5\n}\n");
  a = all.publish("c", [] { return 6; });  // the old one ends
  CHECK(body_of(all) == "{\n\"c\": 6\n}\n");
  CHECK(message_of([] { tarn::expvar_registry(0); }) ==
        "tarn: limit of variables 0 must be at least 1");
}

TEST_CASE("a function that throws is null, and counted", "[expvar]") {
  tarn::expvar_registry all;
  const auto bad = all.publish("bad", []() -> std::vector<int> { throw std::runtime_error("no"); });
  const auto good = all.publish("good", [] { return 1; });
  CHECK(body_of(all) == "{\n\"bad\": null,\n\"good\": 1\n}\n");
  CHECK(all.failures() == 1);
}

TEST_CASE("what a function keeps ends when it is unpublished", "[expvar]") {
  tarn::expvar_registry all;
  auto kept = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = kept;
  auto token = all.publish("v", [kept = std::move(kept)] { return *kept; });
  CHECK(*all.read("v") == "7");
  token.reset();
  CHECK(watch.expired());
}

TEST_CASE("a function may publish, unpublish and write variables", "[expvar]") {
  tarn::expvar_registry all;
  std::string inner;
  tarn::expvar_publication other;
  tarn::expvar_publication self;
  auto kept = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = kept;
  bool is_kept = false;
  self = all.publish("self", [&, kept = std::move(kept)] {
    inner = body_of(all);
    other = all.publish("other", [] { return 2; });
    self.reset();
    is_kept = !watch.expired();  // until the function returns
    return 1;
  });
  CHECK(body_of(all) == "{\n\"self\": 1\n}\n");
  CHECK(is_kept);
  CHECK(watch.expired());
  CHECK(inner == "{\n\"self\": null\n}\n");
  CHECK(body_of(all) == "{\n\"other\": 2\n}\n");
}

TEST_CASE("an end waits for a call that is under way", "[expvar]") {
  tarn::expvar_registry all;
  std::atomic<int> stage{0};
  auto alive = std::make_unique<std::atomic<int>>(1);
  auto token = all.publish("slow", [&stage, seen = alive.get()] {
    stage = 1;
    for (int i = 0; i != 1000; ++i)
      std::this_thread::yield();
    return seen->load();
  });
  std::string text;
  std::thread reader([&] { text = body_of(all); });
  while (stage != 1)
    std::this_thread::yield();
  token.reset();
  *alive = 2;
  alive.reset();
  reader.join();
  CHECK(text == "{\n\"slow\": 1\n}\n");
}

TEST_CASE("threads publish, end and write variables at once", "[expvar]") {
  tarn::expvar_registry all;
  std::atomic<int> wrong{0};
  test::run_together(4, [&](std::size_t me) {
    for (int i = 0; i != 200; ++i) {
      const auto name = "v" + std::to_string(me);
      const int value = i;
      const auto token = all.publish(name, [&value] { return value; });
      if (all.read(name) != std::to_string(i)) ++wrong;
      static_cast<void>(body_of(all));
    }
  });
  CHECK(wrong == 0);
  CHECK(all.size() == 0);
  CHECK(body_of(all) == "{\n\n}\n");
}

TEST_CASE("the program has one registry of variables", "[expvar]") {
  const auto one = tarn::expvars().publish("one", [] { return 1; });
  CHECK(&tarn::expvars() == &tarn::expvars());
  CHECK(body_of(tarn::expvars()) == "{\n\"one\": 1\n}\n");
}
