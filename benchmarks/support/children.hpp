// SPDX-License-Identifier: MIT
//
// Child processes that measure: each allocator that replaces malloc needs its own process.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <unistd.h>

namespace bench {

struct allocator {
  const char* name;
  const char* library;  // null: the malloc of the system
  const char* package;
};
inline constexpr allocator allocators[] = {
    {"glibc", nullptr, nullptr},
    {"mimalloc", "libmimalloc.so.2", "libmimalloc2.0"},
    {"jemalloc", "libjemalloc.so.2", "libjemalloc2"},
    {"tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"}};

/// True if `library` is mapped into this process.
[[nodiscard]] inline bool is_mapped(const std::string& library) {
  std::FILE* const maps = std::fopen("/proc/self/maps", "r");
  if (maps == nullptr) return false;
  bool found = false;
  for (char line[4096]; std::fgets(line, sizeof line, maps) != nullptr;) {
    found = found || std::strstr(line, library.substr(0, library.find(".so")).c_str()) != nullptr;
  }
  std::fclose(maps);
  return found;
}

using measurements = std::map<std::string, std::vector<double>>;

/// Runs this program again, with another malloc if `library` is given, and adds its measurements.
/// Returns: false if the child failed.
inline bool run_child(const char* library, const std::string& arguments, measurements& into) {
  // The shell would take the link of the calling program for its own, so the program is named in
  // full.
  char self[4096] = {};
#if defined(__linux__)
  if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0) return false;
#endif
  std::string command = library != nullptr ? std::string("LD_PRELOAD=") + library + " " : "";
  command += "'" + std::string(self) + "' --measure " + arguments;
  std::FILE* const child = popen(command.c_str(), "r");
  if (child == nullptr) return false;
  char key[64];
  double value = 0;
  while (std::fscanf(child, "%63s %lf", key, &value) == 2)
    into[key].push_back(value);
  return pclose(child) == 0;
}

/// How many times `subject` is faster than `peer`, round by round.
[[nodiscard]] inline std::vector<double> times_faster(const std::vector<double>& peer,
                                                      const std::vector<double>& subject) {
  std::vector<double> result;
  for (std::size_t i = 0; i != std::min(peer.size(), subject.size()); ++i) {
    result.push_back(peer[i] / subject[i]);
  }
  return result;
}

[[nodiscard]] inline const char* compiler() {
#if defined(__clang__)
  return "clang++ " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

/// The allocators that are installed; names those that are not.
[[nodiscard]] inline std::vector<allocator> present_allocators() {
  std::vector<allocator> present;
  for (const auto& a : allocators) {
    measurements nothing;
    if (a.library == nullptr ||
        run_child(a.library, std::string("loaded:") + a.library + " 2>/dev/null", nothing)) {
      present.push_back(a);
    } else {
      std::printf("skipped: %s (%s can't be preloaded; Debian: %s)\n", a.name, a.library,
                  a.package);
    }
  }
  return present;
}

/// Prints the results of a measuring process for its parent.
inline void say(const char* key, const std::vector<double>& values) {
  for (const double value : values)
    std::printf("%s %.6f\n", key, value);
}

}  // namespace bench
