// SPDX-License-Identifier: MIT
#pragma once

#include <new>
#include <utility>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// A static object that is never destroyed, so that late static destructors may still use it.
///
///   inline tarn::immortal<tarn::byte_pool<>> frames(tarn::options{.name = "frames"});
///   auto b = frames->get(100);
template <class T>
class immortal {
 public:
  template <class... Args>
  explicit immortal(Args&&... args) {
    ::new (static_cast<void*>(memory_)) T(std::forward<Args>(args)...);
  }
  immortal(const immortal&) = delete;
  immortal& operator=(const immortal&) = delete;

  [[nodiscard]] T& operator*() noexcept {
    return *std::launder(static_cast<T*>(static_cast<void*>(memory_)));
  }
  [[nodiscard]] T* operator->() noexcept { return &**this; }

 private:
  alignas(T) unsigned char memory_[sizeof(T)];
};

}  // namespace tarn
