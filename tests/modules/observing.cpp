// SPDX-License-Identifier: MIT

#include "modules/observing.hpp"

#include <chrono>
#include <utility>

namespace {

std::size_t use_registry(tarn::pool_registry& all, tarn::byte_pool<>& pool, const char* name,
                         int times) {
  std::size_t seen = 0;
  for (int i = 0; i != times; ++i) {
    const auto published = all.publish(pool, name);
    all.for_each([&](const tarn::watched_pool& p) { seen += p.alive() ? 1 : 0; });
    if (!all.find(name)) return 0;
  }
  return seen;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const modules::observing_api* observing();
const modules::observing_api* observing() {
  static const modules::observing_api all = {
      [] { return std::make_unique<tarn::event_log>(); },
      [](tarn::event_log& log, tarn::byte_pool<>& pool, int times) {
        for (int i = 0; i != times; ++i)
          static_cast<void>(log.watch(pool));
      },
      [](void (*action)()) {
        return std::make_unique<tarn::ticker>([action](tarn::time_span) { action(); });
      },
      [](tarn::ticker& t) { return t.start(std::chrono::milliseconds(1)); },
      [](const tarn::ticker& t) { return t.running(); },
      [](tarn::ticker& t) { t.stop(); },
      [] { return std::make_unique<tarn::pool_registry>(); },
      [](tarn::pool_registry& to, tarn::byte_pool<>& pool, const char* name) {
        return to.publish(pool, name);
      },
      use_registry,
      [](tarn::buffer b) { return tarn::any_buffer(std::move(b)); },
      [](tarn::shared_buffer b) { return tarn::any_buffer(std::move(b)); },
  };
  return &all;
}
