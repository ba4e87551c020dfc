// SPDX-License-Identifier: MIT

#include "modules/module.hpp"

#include <atomic>

#include "modules/use.hpp"

namespace {

modules::pools& own() {
  static modules::pools all;
  return all;
}

std::size_t watch(tarn::byte_pool<>& p, void (*action)(void*), void* argument) {
  std::atomic<std::size_t> told{0};
  p.set_callback([&told](const tarn::operation&) { ++told; });
  action(argument);
  p.set_callback(nullptr);
  return told;
}

}  // namespace

#define API_OF_(name) api_of_##name
#define API_OF(name) API_OF_(name)

extern "C" __attribute__((visibility("default"))) const modules::api* API_OF(MODULE_NAME)();
const modules::api* API_OF(MODULE_NAME)() {
  static const modules::api all = {
      own,
      modules::use,
      [](tarn::buffer b) { b.reset(); },
      [](tarn::shared_buffer b) { b.reset(); },
      [](tarn::chain c) { c.clear(); },
      [](modules::session_pool::handle h) { h.reset(); },
      [](tarn::message_pool<>::shared m) { m.reset(); },
      watch,
  };
  return &all;
}
