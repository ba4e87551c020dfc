// SPDX-License-Identifier: MIT
//
// Headers that are replaced and removed by name.

#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/message.hpp>

#include "support/catch.hpp"
#include "support/heap_count.hpp"

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

pairs content_of(const tarn::header_list& list) {
  pairs all;
  for (const auto& h : list)
    all.emplace_back(h.name, h.text());
  CHECK(all.size() == list.size());
  return all;
}

tarn::header_list list_of(const pairs& all) {
  tarn::header_list made;
  for (const auto& [name, value] : all)
    made.add(name, value);
  return made;
}

}  // namespace

TEST_CASE("a name that is set has one value, in the place of the first", "[header_list]") {
  auto list = list_of({{"a", "1"}, {"b", "2"}, {"a", "3"}, {"c", "4"}, {"a", ""}});
  CHECK(list.set("a", "longer than before"));
  CHECK(content_of(list) == pairs{{"a", "longer than before"}, {"b", "2"}, {"c", "4"}});
  CHECK(list.set("a", ""));
  CHECK(content_of(list) == pairs{{"a", ""}, {"b", "2"}, {"c", "4"}});
  CHECK(list.set("c", "same place"));
  CHECK_FALSE(list.set("", "a name of no bytes"));
  CHECK(content_of(list) ==
        pairs{{"a", ""}, {"b", "2"}, {"c", "same place"}, {"", "a name of no bytes"}});
}

TEST_CASE("headers are removed by name and by place", "[header_list]") {
  auto list = list_of({{"a", "1"}, {"b", "2"}, {"a", "3"}, {"c", "4"}, {"a", ""}});
  const auto kept = list.kept_bytes();
  CHECK(list.erase("d") == 0);
  CHECK(list.erase("a") == 3);
  CHECK(content_of(list) == pairs{{"b", "2"}, {"c", "4"}});
  const auto next = list.erase(list.begin());
  CHECK((*next).name == "c");
  const auto last = list.erase(next);
  CHECK(last == list.end());
  CHECK(list.empty());
  CHECK(list.size() == 0);
  CHECK(list.erase("a") == 0);
  CHECK(list.kept_bytes() == kept);
}

TEST_CASE("name and value of a header may be a part of the list", "[header_list]") {
  for (const std::size_t size : {3u, 200u, 300u}) {
    INFO("size " << size);
    const std::string n(size, 'n');
    const pairs all{{n, "first"}, {"b", n}, {n, "second"}, {"d", "e"}, {n, "third"}};
    {
      auto list = list_of(all);
      CHECK(list.erase((*list.begin()).name) == 3);
      CHECK(content_of(list) == pairs{{"b", n}, {"d", "e"}});
    }
    {
      auto list = list_of(all);  // the name stands in the value of another header
      CHECK(list.erase((*list.find("b")).text()) == 3);
      CHECK(content_of(list) == pairs{{"b", n}, {"d", "e"}});
    }
    {
      auto list = list_of(all);
      CHECK(list.set((*list.find("b")).text(), (*list.find("d")).value));
      CHECK(content_of(list) == pairs{{n, "e"}, {"b", n}, {"d", "e"}});
    }
    {
      auto list = list_of(all);
      CHECK(list.set("b", (*list.find("b")).text().substr(1)));
      CHECK((*list.find("b")).text() == n.substr(1));
      CHECK(list.size() == 5);
    }
    {
      auto list = list_of(all);
      CHECK_FALSE(list.set("new", (*list.find("b")).value));
      CHECK((*list.find("new")).text() == n);
    }
  }
}

TEST_CASE("headers that are set again and again need no memory", "[header_list]") {
  tarn::header_list list;
  list.add("trace", "0123456789");
  list.add("hop", "1");
  const auto kept = list.kept_bytes();
  CHECK(test::heap_calls_of([&] {
          for (int i = 0; i != 1000; ++i) {
            list.set("trace", i % 2 == 0 ? "9876543210" : "0123");
            list.set("hop", "2");
            list.erase("other");
            list.erase((*list.begin()).name);
            list.set("trace", "0123456789");
          }
        }) == 0);
  CHECK(list.kept_bytes() == kept);
}

TEST_CASE("a list does what a list of pairs does", "[header_list]") {
  std::minstd_rand random(7);
  tarn::header_list list;
  pairs model;
  for (int step = 0; step != 20000; ++step) {
    const std::string name(random() % 4, static_cast<char>('a' + random() % 3));
    const std::string value(random() % 60, static_cast<char>('k' + random() % 10));
    switch (random() % 5) {
      case 0:
      case 1:
        list.add(name, value);
        model.emplace_back(name, value);
        break;
      case 2: {
        bool was = false;
        for (std::size_t i = 0; i != model.size();) {
          if (model[i].first != name) {
            ++i;
          } else if (!was) {
            was = true;
            model[i++].second = value;
          } else {
            model.erase(model.begin() + static_cast<std::ptrdiff_t>(i));
          }
        }
        if (!was) model.emplace_back(name, value);
        REQUIRE(list.set(name, value) == was);
        break;
      }
      case 3:
        if (random() % 4 != 0) break;
        REQUIRE(list.erase(name) ==
                std::erase_if(model, [&](const auto& h) { return h.first == name; }));
        break;
      default: {
        if (model.empty()) break;
        const auto place = static_cast<std::ptrdiff_t>(random() % model.size());
        auto at = list.begin();
        for (auto i = place; i != 0; --i)
          ++at;
        list.erase(at);
        model.erase(model.begin() + place);
      }
    }
    if (step % 8 == 0) REQUIRE(content_of(list) == model);
    if (random() % 500 == 0) {
      list.clear();
      model.clear();
    }
  }
}
