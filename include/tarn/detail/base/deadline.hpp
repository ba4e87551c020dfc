// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

// Deadlines are nanoseconds of the environment's steady clock.

/// The deadline of a request that does not wait, and that of one that waits for ever.
inline constexpr std::int64_t wait_never = INT64_MIN;
inline constexpr std::int64_t wait_for_ever = INT64_MAX;

/// The deadline of a request that waits for `span` nanoseconds from now on.
template <class Env>
[[nodiscard]] std::int64_t deadline_after(std::int64_t span) noexcept {
  if (span <= 0) return wait_never;
  const auto now = Env::now();
  return span < wait_for_ever - now ? now + span : wait_for_ever;
}

}  // namespace tarn::detail
