// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The recorder of a fast_buffer. A policy for which this is not specialised has one for all
/// products.
template <class Stats, class Counter>
struct recorder_of_writer {
  using type = typename Stats::template recorder<Counter>;
};

/// Tells the recorder of a stats policy of the blocks and contents of a writer.
///
/// Thread safety: `swap_block` and `drop_block` as an `int`; the others as the recorder.
template <class Recorder>
class write_record {
 public:
  /// A growth that is told once no lock is held.
  struct growth {
    template <class Buffer>
    void note(const Buffer& block, const Buffer& last, std::size_t size) noexcept {
      *this = {tier_of(block), tier_of(last), size, true};
    }
    std::uint32_t to = no_tier;
    std::uint32_t from = no_tier;
    std::size_t needed = 0;
    bool happened = false;
  };

  /// A block that is held in place of the last, if there was one; it was taken for `needed` bytes.
  template <class Buffer>
  void swap_block(const Buffer& block, std::size_t needed) noexcept {
    const auto from = std::exchange(held_, tier_of(block));
    tell({held_, from, needed, true});
  }
  /// The held block, if any, is given back or handed out.
  void drop_block() noexcept { put(std::exchange(held_, no_tier)); }

  void tell(const growth& g) noexcept {
    if (!g.happened) return;
    if (g.to == no_tier) {
      recorder_.on_oversize(g.needed);
    } else {
      recorder_.on_get(g.to, g.needed);
    }
    put(g.from);
  }
  template <class Buffer>
  void drop_block(const Buffer& block) noexcept {
    put(tier_of(block));
  }
  /// The content ends with `size` bytes. An empty one is not told.
  void end_content(std::size_t size) noexcept {
    if constexpr (requires { recorder_.on_content(size); }) {
      if (size != 0) recorder_.on_content(size);
    }
  }
  [[nodiscard]] const Recorder& recorder() const noexcept { return recorder_; }
  /// What the recorder collects, if it collects something.
  template <class History>
  [[nodiscard]] History history() const {
    History all;
    if constexpr (requires { recorder_.collect(all); }) recorder_.collect(all);
    return all;
  }

 private:
  static constexpr std::uint32_t no_tier = UINT32_MAX;  // no block, or one above the last tier

  template <class Buffer>
  [[nodiscard]] static std::uint32_t tier_of(const Buffer& block) noexcept {
    if (!block) return no_tier;
    const auto& core = *access::core_of(block);  // its pool may be gone
    const auto tier = core.tier_of(block.capacity(), 1);
    return tier < core.tiers() ? tier : no_tier;
  }
  void put(std::uint32_t tier) noexcept {
    if (tier != no_tier) recorder_.on_put(tier);
  }

  Recorder recorder_{};
  std::uint32_t held_ = no_tier;
};

/// For stats policies that record nothing.
template <class Recorder>
class no_write_record {
 public:
  struct growth {
    template <class Buffer>
    static void note(const Buffer&, const Buffer&, std::size_t) noexcept {}
  };
  template <class Buffer>
  static void swap_block(const Buffer&, std::size_t) noexcept {}
  static void drop_block() noexcept {}
  template <class Buffer>
  static void drop_block(const Buffer&) noexcept {}
  static void tell(const growth&) noexcept {}
  static void end_content(std::size_t) noexcept {}
  [[nodiscard]] const Recorder& recorder() const noexcept { return recorder_; }
  template <class History>
  [[nodiscard]] static History history() {
    return {};
  }

 private:
  TARN_NO_UNIQUE_ADDRESS Recorder recorder_;
};

}  // namespace tarn::detail
