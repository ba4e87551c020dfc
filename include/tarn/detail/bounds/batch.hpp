// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/bounds/bounds.hpp>

namespace tarn::detail {

/// Blocks of one tier that are being made ready: taken out of the depot, but not in use. Blocks
/// that are not published go back to their slabs as if they had not been taken.
///
/// `Core` provides `make(tier, block)`, which makes the content of a ready block and may throw. It
/// may provide `unmake(block)`, which undoes that, and `note_made(block)`, which is called as the
/// block is published.
template <class Core>
class batch {
  using bounds_type = bounds<typename Core::config>;
  using acquired_type = typename Core::acquired_type;

 public:
  /// `afresh`: the blocks come from memory bought for them alone, so all other memory may go.
  batch(Core& core, std::uint32_t tier, bool afresh = false) noexcept : core_(core), tier_(tier) {
    bought_.is_all = afresh;
  }
  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;
  ~batch() {
    while (made_ != 0)
      unmake(blocks_[--made_].block);
    const bool failed = count_ != 0;
    for (; count_ != 0; --count_)
      core_.put_bare(tier_, blocks_[count_ - 1].block, blocks_[count_ - 1].from);
    bounds_type::give_up(core_, tier_, bought_);
    if (failed) bounds_type::drop_untouched(core_, tier_);
    delete[] blocks_;
  }

  /// Ensures that there is memory for `blocks` blocks; `partly`: or for as many as the limit
  /// leaves. Returns: false if that is too much; nothing has changed then. Throws:
  /// `std::bad_alloc`.
  [[nodiscard]] bool reserve(std::uint64_t blocks, bool partly = false) {
    core_.end_detention();  // with a capacity, they leave less room for others
    if (!bounds_type::stock(core_, tier_, blocks, partly, bought_)) return false;
    if (blocks != 0) blocks_ = new acquired_type[cast_to<std::size_t>(blocks)];
    wanted_ = cast_to<std::size_t>(blocks);
    return true;
  }
  /// Takes the reserved blocks and makes their contents. Returns: false if other threads took the
  /// memory first and no more can be had. Throws: what `make` throws.
  [[nodiscard]] bool fill() {
    if (bought_.is_all) {
      count_ = bounds_type::carve(core_, tier_, bought_, blocks_, wanted_);
      if (count_ != wanted_) return false;
    }
    bounds_type::add(core_, tier_, bought_);
    for (; count_ != wanted_; ++count_) {
      blocks_[count_] = core_.take_bare(tier_);
      if (blocks_[count_].block == nullptr) return false;
    }
    for (; made_ != count_; ++made_)
      core_.make(tier_, blocks_[made_].block);
    return true;
  }
  [[nodiscard]] std::size_t size() const noexcept { return wanted_; }
  [[nodiscard]] std::uint32_t tier() const noexcept { return tier_; }

  void publish() noexcept {
    made_ = 0;
    std::uint64_t fresh = 0;
    for (std::size_t i = 0; i != count_; ++i)
      fresh += blocks_[i].from == origin::fresh;
    if (fresh != 0) core_.count_bare(tier_, fresh);
    for (; count_ != 0; --count_) {
      void* const block = blocks_[count_ - 1].block;
      if constexpr (requires { core_.note_made(block); }) core_.note_made(block);
      core_.give_ready(tier_, block);
    }
  }

  batch* next = nullptr;  // the next of several batches that belong together
  std::size_t kept = 0;   // blocks that are ready already and stay

 private:
  void unmake(void* block) noexcept {
    if constexpr (requires { core_.unmake(block); }) core_.unmake(block);
  }

  Core& core_;
  std::uint32_t tier_;
  typename bounds_type::supply bought_;
  acquired_type* blocks_ = nullptr;
  std::size_t wanted_ = 0;
  std::size_t count_ = 0;
  std::size_t made_ = 0;  // how many of them have the content of a ready block
};

}  // namespace tarn::detail
