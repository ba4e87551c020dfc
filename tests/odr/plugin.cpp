// SPDX-License-Identifier: MIT
//
// A shared object that uses tarn inside, and exports no part of it.

#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <tarn/interop/any_buffer.hpp>
#include <tarn/tarn.hpp>

#define PLUGIN_EXPORT extern "C" __attribute__((visibility("default")))

PLUGIN_EXPORT int plugin_run(int threads);
PLUGIN_EXPORT void* plugin_take(std::size_t size);
PLUGIN_EXPORT void plugin_give(void* p, std::size_t size);
PLUGIN_EXPORT void plugin_buffers(tarn::any_buffer* out);
PLUGIN_EXPORT std::size_t plugin_in_use();

PLUGIN_EXPORT int plugin_run(int threads) {
  tarn::byte_pool<> bytes;
  tarn::object_pool<std::string, tarn::thread_cached<tarn::spin_lock>> texts;
  std::vector<std::thread> running;
  for (int t = 0; t != threads; ++t) {
    running.emplace_back([&] {
      for (std::size_t i = 0; i != 1000; ++i) {
        auto b = bytes.get(i);
        auto s = texts.get();
        s->assign(20, 'p');
      }
    });
  }
  for (auto& t : running)
    t.join();
  auto here = bytes.get(10);
  const auto s = bytes.snapshot().total();
  return s.in_use == 1 && s.gets == s.puts + 1 && s.created == s.idle + s.in_use + s.retired ? 0
                                                                                             : 1;
}

PLUGIN_EXPORT void plugin_buffers(tarn::any_buffer* out) {
  auto b = tarn::default_pool().get(5);
  std::memcpy(b.data(), "plugi", b.size());
  out[0] = std::move(b);
  out[1] = tarn::default_pool().get_shared(1024);
}
PLUGIN_EXPORT std::size_t plugin_in_use() { return tarn::default_pool().occupancy().in_use(); }

PLUGIN_EXPORT void* plugin_take(std::size_t size) { return tarn::default_pool().allocate(size); }
PLUGIN_EXPORT void plugin_give(void* p, std::size_t size) {
  tarn::default_pool().deallocate(p, size);
}
