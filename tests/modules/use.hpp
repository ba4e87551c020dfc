// SPDX-License-Identifier: MIT
//
// Operations of program and modules on pools of either. Inline: each module has its own copy.

#pragma once

#include "modules/module.hpp"

namespace modules {
namespace {

inline std::uint64_t use(pools& p, int times) {
  for (int i = 0; i != times; ++i) {
    const auto size = static_cast<std::size_t>(1 + i * 37 % 3000);
    {
      auto a = p.bytes.get(size), b = p.bytes.get(size);
    }
    {
      auto a = p.mutexed.get(size), b = p.mutexed.get(size);
    }
    {
      auto a = p.lock_free.get(size), b = p.lock_free.get(size);
    }
    {
      auto a = p.checked.get(size), b = p.checked.get(size);
    }
    {
      auto a = p.sessions.get(), b = p.sessions.get();
    }
    {
      auto a = p.messages.get(), b = p.messages.get();
    }
    for (auto& m : p.more)
      auto a = m.get(size), b = m.get(size);
  }
  return 2 * static_cast<std::uint64_t>(times);
}

}  // namespace
}  // namespace modules
