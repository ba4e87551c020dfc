// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/detail/bounds/bounds.hpp>

namespace tarn::detail {

/// The tier that serves a request of this size and alignment.
template <class Core>
[[nodiscard]] std::uint32_t tier_wanted(Core& core, std::size_t size,
                                        std::size_t alignment) noexcept {
  if constexpr (requires { core.tier_of(size, alignment); }) {
    return core.tier_of(size, alignment);
  } else {
    return 0;
  }
}

/// Appends how much is held of the source and how much idles in caches of other threads.
template <class Core>
void put_held(error_text& text, Core& core, refusal why) noexcept {
  text.put_bytes(core.source().held()).put(" held of the source");
  if (core.source().limit() != core_settings::no_limit) {
    text.put(", limit_bytes ").put(core.source().limit());
  }
  if (why == refusal::source) text.put(", which has no more memory");
  const auto cached = bounds<typename Core::config>::cached_elsewhere(core);
  if (cached.bytes == 0) return;
  text.put("; ").put_bytes(cached.bytes).put(" idle in the caches of ");
  text.put(cached.threads, "thread").put(", until their next slow path");
}

/// Appends how many of the blocks that may exist are in use.
template <class Core>
void put_in_use(error_text& text, Core& core, std::uint32_t tier) noexcept {
  const char* const what = core.settings().least_stride == 1 ? "block" : "object";
  const auto capacity = core.settings().capacity;
  const auto out = static_cast<std::size_t>(bounds<typename Core::config>::in_use(core, tier));
  if (capacity == 0) {
    text.put("no ").put(what).put(" may exist");
  } else if (capacity == 1 && out == 1) {
    text.put("the only ").put(what).put(" is in use");
  } else {
    out < capacity ? text.put(out).put(" of ") : text.put("all ");
    text.put(capacity, what).put(" are in use");
  }
  text.put(", capacity ").put(capacity);
}

/// The text of a refused request: the reason, and what would help.
template <class Core>
[[nodiscard]] error_text request_text(Core& core, refusal why, std::size_t size,
                                      std::size_t alignment) noexcept {
  error_text text;
  text.put("tarn: pool '").put_name(core.name()).put("' has nothing for ").put(size, "byte");
  if (alignment > 1) text.put(" aligned to ").put(alignment);
  text.put(": ");
  if (why == refusal::capacity) {
    put_in_use(text, core, tier_wanted(core, size, alignment));
  } else {
    put_held(text, core, why);
    const auto tier = tier_wanted(core, size, alignment);
    const bool is_of_tier = tier < core.tiers();
    if (is_of_tier && core.shape_of(tier).slab_bytes > core.source().limit()) {
      text.put("; a slab takes ").put_bytes(core.shape_of(tier).slab_bytes);
    }
  }
  return text;
}

/// The text of a refused request for `count` blocks at once.
template <class Core>
[[nodiscard]] error_text many_text(Core& core, refusal why, std::uint32_t tier, std::size_t size,
                                   std::size_t count) noexcept {
  error_text text;
  text.put("tarn: pool '").put_name(core.name()).put("' has nothing for ").put(count, "block");
  text.put(" of ").put(size, "byte").put(": ");
  why == refusal::capacity ? put_in_use(text, core, tier) : put_held(text, core, why);
  return text;
}

/// The text of a refused node.
template <class Core>
[[nodiscard]] error_text node_text(Core& core, refusal why) noexcept {
  error_text text;
  text.put("tarn: pool '")
      .put_name(core.name())
      .put("' has nothing for a node, which shared bytes ");
  text.put("need beside their block: ");
  put_held(text, core, why);
  return text;
}

/// The text for `blocks` more blocks that can't be made ready: the reason.
template <class Core>
[[nodiscard]] error_text blocks_text(Core& core, refusal why, std::uint32_t tier,
                                     std::uint64_t blocks) noexcept {
  error_text text;
  text.put("tarn: pool '").put_name(core.name()).put("' has nothing for ");
  text.put(cast_to<std::size_t>(blocks), "more block").put(" of ");
  text.put(core.shape_of(tier).size, "byte").put(": ");
  if (why == refusal::capacity) {
    text.put("no more may exist, capacity ").put(core.settings().capacity);
  } else {
    put_held(text, core, why);
  }
  return text;
}

}  // namespace tarn::detail
