// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/depot/counters.hpp>
#include <tarn/value/basic/refusal.hpp>

namespace tarn::detail {

/// How often a core refused a request, by reason. Counted on slow paths, under every stats policy.
template <class Env>
class refusal_counts {
 public:
  void add(refusal why) noexcept { counts_[static_cast<std::size_t>(why)].add(1); }
  void read(std::uint64_t (&into)[refusal_count]) const noexcept {
    for (std::size_t why = 0; why != refusal_count; ++why)
      into[why] = counts_[why].read();
  }

 private:
  shared_counter<Env> counts_[refusal_count];
};

}  // namespace tarn::detail
