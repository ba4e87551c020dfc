// SPDX-License-Identifier: MIT
#pragma once

// Keeps shared libraries loaded whose code is called later.

#include <atomic>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

#if defined(__linux__)
// Weak, since older systems have these functions in a library of their own.
struct module_info {  // Dl_info
  const char* file;
  void* base;
  const char* symbol;
  void* address;
};
extern "C" [[gnu::weak]] int tarn_dladdr(const void*, module_info*) noexcept __asm__("dladdr");
extern "C" [[gnu::weak]] void* tarn_dlopen(const char*, int) noexcept __asm__("dlopen");

/// Keeps the shared library that `address` lies in loaded until the program ends, also after it is
/// closed. Does nothing for the program itself, and where the system can't.
inline void keep_module(const void* address) noexcept {
  module_info found{};
  if (tarn_dladdr == nullptr || tarn_dlopen == nullptr || tarn_dladdr(address, &found) == 0) return;
  constexpr int lazy = 1, only_if_loaded = 4, never_unloaded = 0x1000;  // RTLD_LAZY and so on
  tarn_dlopen(found.file, lazy | only_if_loaded | never_unloaded);
}
#else
inline void keep_module(const void*) noexcept {}
#endif

/// Keeps the shared library that has the function at `code` loaded, if this code is part of one:
/// something of another module is about to keep that function. `Owner`: any type that goes with it.
template <class Owner>
inline void keep_code([[maybe_unused]] const void* code) noexcept {
  if constexpr (for_library) {
    static std::atomic<const void*> kept{nullptr};
    // relaxed: at worst it is kept twice.
    if (kept.load(std::memory_order::relaxed) == code) return;
    keep_module(code);
    kept.store(code, std::memory_order::relaxed);
  }
}

}  // namespace tarn::detail
