// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The one object of type `T` that is made at its first use and never destroyed.
///
/// Finding it takes a load and a branch. Compilers don't inline a function with a local static
/// object, so finding that takes a call too, at each use.
template <class T>
class first_use {
 public:
  /// `make(memory)` makes the object. Throws: what `make` throws; the next use tries again then.
  template <class Make>
  [[nodiscard]] TARN_FORCE_INLINE static T& get(Make make) {
    // (1) acquire, pairs with (2): a thread that finds the object finds it wholly made.
    if (T* const made = found.load(std::memory_order::acquire)) [[likely]]
      return *made;
    return first(make);
  }

 private:
  template <class Make>
  [[nodiscard]] TARN_COLD static T& first(Make make) {
    alignas(T) static std::byte memory[sizeof(T)];
    static T& made = *make(memory);
    found.store(&made, std::memory_order::release);  // (2)
    return made;
  }

  static inline constinit std::atomic<T*> found{nullptr};
};

}  // namespace tarn::detail
