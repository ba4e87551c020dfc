// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// A get from a pool that was closed.
class pool_closed : public std::runtime_error {
 public:
  explicit pool_closed(const std::string& name)
      : std::runtime_error("tarn: pool '" + name + "' is closed") {}
};

/// A pool that has nothing to give: all its blocks are in use, or its source or a limit is
/// exhausted. It needs no memory itself. The text names the request and the limits of the pool.
class pool_exhausted : public std::bad_alloc {
 public:
  /// Copies the text, cut off after 300 characters.
  explicit pool_exhausted(const char* text) noexcept {
    for (std::size_t i = 0; i + 1 < sizeof text_ && text[i] != 0; ++i)
      text_[i] = text[i];
  }
  [[nodiscard]] const char* what() const noexcept override { return text_; }

 private:
  char text_[301] = {};
};

}  // namespace tarn
