// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <cstring>
#include <thread>

#include <tarn/tarn.hpp>

/// Uses the default pools in its constructor and in its destructor, and holds buffers in between.
/// Ends the program with an exit code if a byte has changed.
struct default_pool_user {
  explicit default_pool_user(int n) : byte(n) {
    held = tarn::default_pool().get(3000);
    std::memset(held.data(), byte, held.size());
    text = tarn::default_unsized_pool().get();
    tarn::default_unsized_pool().append(text, "written in a static constructor");
    std::thread([] { auto elsewhere = tarn::default_pool().get(100); }).join();
  }
  ~default_pool_user() {
    auto anew = tarn::default_pool().get(3000);
    if (anew.data() == held.data()) _exit(2);
    for (const auto b : held.bytes()) {
      if (b != static_cast<std::byte>(byte)) _exit(3);
    }
    tarn::default_unsized_pool().append(text, ", kept until a static destructor");
    if (text.view() != "written in a static constructor, kept until a static destructor") _exit(4);
    std::thread([] { auto elsewhere = tarn::default_pool().get(100); }).join();
  }

  int byte;
  tarn::buffer held;
  tarn::unsized_pool<>::buffer text;
};
