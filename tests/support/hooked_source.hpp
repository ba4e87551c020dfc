// SPDX-License-Identifier: MIT
//
// A source that runs an action of the test while the pool waits for memory: the action of another
// thread at that moment happens here every time.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "support/failing_source.hpp"

namespace test {

/// A failing_source with a hook. Copies share it.
class hooked_source : public failing_source {
 public:
  /// `action` runs once, inside the next allocation.
  void during_next_allocation(std::function<void()> action) { *action_ = std::move(action); }

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    if (const auto action = std::exchange(*action_, nullptr)) action();
    return failing_source::allocate(bytes, alignment);
  }

 private:
  std::shared_ptr<std::function<void()>> action_ = std::make_shared<std::function<void()>>();
};

}  // namespace test
