// SPDX-License-Identifier: MIT
// What if a buffer is still in use when its pool, or the thread that took it, is gone?

#include <cstdio>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/value/closing_report.hpp>

namespace {

using namespace std::string_view_literals;

// Destroyed after main, and after every pool in main, without harm.
tarn::buffer last_words;

tarn::buffer text(tarn::byte_pool<>& pool, std::string_view from) {
  auto b = pool.get(from.size());
  from.copy(reinterpret_cast<char*>(b.data()), from.size());
  return b;
}

}  // namespace

int main() {
  auto pool = std::make_unique<tarn::byte_pool<>>(
      tarn::options{.name = "short-lived", .closing = tarn::closing::report});

  tarn::buffer from_thread;
  std::thread([&] { from_thread = text(*pool, "taken by a thread that has ended"); }).join();
  last_words = text(*pool, "destroyed after main");

  // `closing` says that the pool reports what is still in use. Without a handler it prints the
  // report; with recording_stats that names the places of the gets, too.
  tarn::set_closing_handler([](const tarn::closing_report& report) noexcept {
    std::printf("%s: %llu blocks, %zu bytes are still out\n", report.pool,
                static_cast<unsigned long long>(report.blocks), report.bytes);
  });
  pool.reset();

  // The memory of these blocks stays until the last of them goes back.
  std::printf("%.*s\n", static_cast<int>(from_thread.size()), from_thread.view().data());
  if (from_thread.view() != "taken by a thread that has ended"sv) return 1;
  from_thread.reset();
  return last_words.view() == "destroyed after main"sv ? 0 : 1;
}
