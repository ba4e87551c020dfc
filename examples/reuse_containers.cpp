// SPDX-License-Identifier: MIT
// How do I keep containers, so that they do not grow from zero each time?

#include <cstdio>
#include <string>
#include <vector>

#include <tarn/object_pool.hpp>

int main() {
  // Objects stay constructed while they are idle; on return a container is cleared, not freed. A
  // container that has grown beyond the limit is replaced, so a single huge request is not kept for
  // ever.
  tarn::object_pool<std::vector<int>> numbers(
      {.keep_capacity_bytes = 4096, .default_capacity = 64});

  const int* memory = nullptr;
  {
    auto v = numbers.get(100);  // room for at least 100 elements
    for (int i = 0; i != 100; ++i)
      v->push_back(i);
    memory = v->data();
  }
  {
    auto v = numbers.get();
    std::printf("back with %zu elements, room for %zu, %s memory\n", v->size(), v->capacity(),
                v->data() == memory ? "the same" : "other");
    if (!v->empty() || v->capacity() < 100 || v->data() != memory) return 1;
    v->resize(100'000);
  }
  {
    auto v = numbers.get();  // any get of a container that is new has the default capacity
    std::printf("after a huge one: room for %zu\n", v->capacity());
    if (v->capacity() > 1024 || v->capacity() < 64) return 1;
  }

  // Your own factory and reset function.
  const auto make = [] { return std::string("> "); };
  const auto reset = [](std::string& line) { line.resize(2); };
  using prompts = tarn::keep_objects<decltype(make), decltype(reset)>;
  tarn::object_pool<std::string, tarn::thread_cached<>, tarn::counting_stats,
                    tarn::object_traits<prompts>>
      lines;
  for (const char* text : {"one", "two"}) {
    auto line = lines.get();
    *line += text;
    std::puts(line->c_str());
    if (line->size() != 5) return 1;
  }
  std::printf("strings made: %llu\n",
              static_cast<unsigned long long>(lines.snapshot().constructed));
  return lines.snapshot().constructed == 1 ? 0 : 1;
}
