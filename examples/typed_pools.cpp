// SPDX-License-Identifier: MIT
// Which of my types can be pooled, and how does each become clean for its next user?

#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include <tarn/object_pool.hpp>
#include <tarn/reused_map.hpp>
#include <tarn/variant_pool.hpp>

using string_list = std::vector<std::string>;
using time_point = std::chrono::steady_clock::time_point;
struct cache_item {  // the pool calls reset() if it exists; these strings keep their memory
  std::string key, value;
  std::chrono::seconds ttl{};
  time_point created, accessed;
  void reset() { key.clear(), value.clear(), ttl = {}, created = accessed = {}; }
  bool operator==(const cache_item&) const = default;
};

struct failure {  // otherwise it calls clear(), as containers have it
  std::string message;
  int kind = 0;
  void clear() { message.clear(), kind = 0; }
  bool operator==(const failure&) const = default;
};

template <class T>
struct async_result {  // otherwise it assigns a fresh object
  T value{};
  std::vector<T> values;
  bool result = false, exists = false;
  std::chrono::seconds ttl{};
  std::exception_ptr error;
  bool operator==(const async_result&) const = default;
};

template <class T, class Use>
static bool is_reused(const char* name, Use use) {
  tarn::object_pool<T> pool({.name = name});
  T* first = nullptr;
  if (const auto object = pool.get()) use(*(first = object.get()));
  const auto again = pool.get();
  const bool good = again.get() == first && *again == T();
  std::printf("%-12s %s\n", name, good ? "the same object, and clean" : "NOT REUSED");
  return good;
}

int main() {
  int failures = !is_reused<cache_item>("cache item", [](auto& i) { i.key = i.value = "k"; });
  failures += !is_reused<failure>("error", [](auto& e) { e = {"disk full", 28}; });
  failures += !is_reused<async_result<int>>("result", [](auto& r) { r.value = 7; });
  failures += !is_reused<string_list>("string list", [](auto& l) { l.resize(16, "a"); });
  failures += !is_reused<std::map<int, std::string>>("map", [](auto& m) { m[1] = "one"; });
  using kept_map = tarn::reused_map<int, std::string>;  // a std::map frees its nodes, this does not
  failures += !is_reused<kept_map>("kept map", [](auto& m) { m[1] = "one"; });
  failures += !is_reused<time_point>("time", [](auto& t) { t = time_point::max(); });

  // Objects of several types, built for each use, may share one pool and its limits.
  tarn::variant_pool<failure, async_result<int>> outcomes({.name = "outcomes"});
  const auto bad = outcomes.make<failure>(failure{"disk full", 28});
  const auto good = outcomes.make<async_result<int>>();
  std::printf("outcomes     %llu objects of two types in one pool\n",
              static_cast<unsigned long long>(outcomes.sized().occupancy().in_use()));
  failures += bad->kind != 28 || good->result;
  return failures;
}
