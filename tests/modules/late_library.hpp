// SPDX-License-Identifier: MIT
#pragma once

// Libraries of late_module.cpp as the tests load and check them.

#include <dlfcn.h>

#include <cstdio>
#include <string>

#include "modules/late.hpp"

namespace modules {

inline int failures = 0;

inline void check(bool holds, const char* what, int number = -1) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s (library %d)\n", what, number);
  std::fflush(stdout);
}

inline std::string file_of(const char* kind, int number) {
  return kind + std::to_string(number) + ".so";
}

struct library {
  library(const char* kind, int number)
      : file(file_of(kind, number)), handle(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) {
      check(false, dlerror(), number);
      return;
    }
    const auto get = reinterpret_cast<const late_api* (*)()>(dlsym(handle, "late"));
    check(get != nullptr, "the library's function", number);
    if (get != nullptr) api = get();
  }
  void close() { dlclose(handle); }
  [[nodiscard]] bool is_loaded() const {
    void* const found = dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (found != nullptr) dlclose(found);
    return found != nullptr;
  }

  std::string file;
  void* handle;
  const late_api* api = nullptr;
};

template <class Pool>
void check_home(const Pool& pool, const char* what, int number = -1) {
  const auto s = pool.snapshot();
  const auto total = s.total();
  check(total.gets == total.puts && total.in_use == 0, what, number);
  for (const auto& t : s.tiers)
    check(t.created == t.idle + t.in_use + t.retired, "every block is somewhere", number);
}

}  // namespace modules
