// SPDX-License-Identifier: MIT
//
// An object that counts the living objects of its kind, and that throws on request.
//
//   test::tracked::start();
//   test::tracked::throw_at(3);  // the third special member from now on throws
//   ...
//   CHECK(test::tracked::alive() == 0);
//   CHECK(test::tracked::faults() == 0);

#pragma once

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace test {

/// Owns heap memory, so that a sanitizer finds an object that was leaked or destroyed twice.
///
/// `Kind` makes different types with separate numbers. Faults are counted, never asserted: the
/// calls come from any thread and from destructors.
template <int Kind = 0>
class basic_tracked {
 public:
  struct thrown : std::runtime_error {
    thrown() : std::runtime_error("tracked: told to throw") {}
  };

  basic_tracked() : basic_tracked(0) {}
  explicit basic_tracked(int n) : value(n), text_(long_text()) {
    step();
    arrive();
  }
  basic_tracked(const basic_tracked& other) : value(other.value), text_(other.text_) {
    other.look();
    step();
    arrive();
  }
  basic_tracked(basic_tracked&& other) : value(other.value), text_(std::move(other.text_)) {
    other.look();
    other.text_ = long_text();
    step();
    arrive();
  }
  basic_tracked& operator=(const basic_tracked& other) {
    look();
    step();
    value = other.value;
    return *this;
  }
  basic_tracked& operator=(basic_tracked&& other) {
    look();
    step();
    value = std::exchange(other.value, 0);
    return *this;
  }
  ~basic_tracked() {
    look();
    mark_ = dead;
    alive_.fetch_sub(1);
  }

  /// Resets the object to its first state; may throw half-way, with the value still there.
  void reset() {
    look();
    step();
    resets_.fetch_add(1);
    value = 0;
  }

  int value;

  /// Clears all counts and requests.
  static void start() {
    made_ = 0;
    resets_ = 0;
    faults_ = 0;
    never_throw();
  }
  /// The `n`-th special member from now on throws, once. 1 is the next one.
  static void throw_at(long n) { fuse_ = n; }
  static void never_throw() { fuse_ = -1; }
  /// True if the call requested by `throw_at` was not reached.
  [[nodiscard]] static bool still_armed() { return fuse_.load() > 0; }

  [[nodiscard]] static long alive() { return alive_.load(); }
  [[nodiscard]] static long made() { return made_.load(); }
  [[nodiscard]] static long resets() { return resets_.load(); }
  /// Calls of members on memory without an object.
  [[nodiscard]] static long faults() { return faults_.load(); }

 private:
  static constexpr std::uint64_t living = 0x11ee'0b1e'c711'ee00;
  static constexpr std::uint64_t dead = 0xdead'0b1e'c7de'ad00;

  [[nodiscard]] static std::string long_text() { return std::string(40, 't'); }
  static void step() {
    if (fuse_.load() > 0 && fuse_.fetch_sub(1) == 1) throw thrown();
  }
  void arrive() {
    made_.fetch_add(1);
    alive_.fetch_add(1);
  }
  void look() const {
    if (mark_ != living) faults_.fetch_add(1);
  }

  // volatile: a destructor's last store is dead to the optimiser.
  volatile std::uint64_t mark_ = living;
  std::string text_;

  static inline std::atomic<long> alive_{0};
  static inline std::atomic<long> made_{0};
  static inline std::atomic<long> resets_{0};
  static inline std::atomic<long> faults_{0};
  static inline std::atomic<long> fuse_{-1};
};

using tracked = basic_tracked<>;

}  // namespace test
