// SPDX-License-Identifier: MIT

#include "modules/late.hpp"

#include <string_view>

namespace {

int calls = 0;
constexpr char text[] = "bytes of the library";

modules::late_pools& own() {
  static modules::late_pools all;
  return all;
}

void use(modules::late_pools& p, int times) {
  for (int i = 0; i != times; ++i) {
    const auto size = static_cast<std::size_t>(1 + i * 37 % 3000);
    const auto a = p.bytes.get(size), b = p.bytes.get(size);
    const auto shared = p.bytes.get_shared(size);
    const auto copy = shared;
    const auto s = p.sessions.get(), t = p.sessions.get();
    s->text = "a text that is longer than a string without memory of its own";
  }
}

void count() noexcept { ++calls; }

}  // namespace

extern "C" __attribute__((visibility("default"))) const modules::late_api* late();
const modules::late_api* late() {
  static const modules::late_api all = {
      own,
      use,
      [](tarn::buffer b) { b.reset(); },
      [](tarn::shared_buffer b) { b.reset(); },
      [](modules::late_sessions::handle h) { h.reset(); },
      [](tarn::byte_pool<>& pool) { return pool.adopt(std::string_view(text), [] { ++calls; }); },
      [](tarn::byte_pool<>& pool) { return pool.adopt(std::string_view(text), &count); },
      [](tarn::byte_pool<>& pool) { pool.set_callback([](const tarn::operation&) { ++calls; }); },
      [](tarn::event_log& log) { log.set_sink([](const tarn::event&) { ++calls; }); },
      [](tarn::event_log& log, tarn::byte_pool<>& pool) { return log.watch(pool); },
  };
  return &all;
}
