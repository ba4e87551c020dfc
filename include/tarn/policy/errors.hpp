// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

namespace tarn {

/// A get from a pool that was closed.
class pool_closed : public std::runtime_error {
 public:
  explicit pool_closed(const std::string& name)
      : std::runtime_error("tarn: pool '" + name + "' is closed") {}
};

}  // namespace tarn
