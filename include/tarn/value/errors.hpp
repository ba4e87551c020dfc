// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// The error of a get from a closed pool.
class pool_closed : public std::runtime_error {
 public:
  explicit pool_closed(const std::string& name)
      : std::runtime_error("tarn: pool '" + name + "' is closed") {}
};

/// The error of a get that finds no block: all blocks are in use, or the source or a limit is
/// exhausted. It needs no heap memory. The text names the request and the limits of the pool.
class pool_exhausted : public std::bad_alloc {
 public:
  /// Copies the text, up to 300 characters.
  explicit pool_exhausted(const char* text) noexcept {
    for (std::size_t i = 0; i + 1 < sizeof text_ && text[i] != 0; ++i)
      text_[i] = text[i];
  }
  [[nodiscard]] const char* what() const noexcept override { return text_; }

 private:
  char text_[301] = {};
};

}  // namespace tarn
