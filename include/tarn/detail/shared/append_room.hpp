// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/shared/append_word.hpp>

namespace tarn::detail {

/// A block to which several threads append at the same time, each piece in one run of bytes.
///
/// An append that fits takes no lock: it reserves its place in the word and copies. Growth and
/// `take` hold the lock, seal the word and wait for the writers. So it is not lock-free: a writer
/// that is stopped while it copies stops growth and `take`, and these stop all other writers.
///
/// `Block`: a movable block of a pool, false if empty, with `capacity()`. `Env`: as native_env.
template <class Env, class Lock, class Block>
class append_room {
 public:
  /// `most`: the bytes that it may hold, even if the block has room for more.
  explicit append_room(std::size_t most) noexcept
      : most_(most < word_type::most ? most : word_type::most) {}

  /// Appends one piece of `n` bytes, not 0: calls `write(block, offset)`, which must not throw,
  /// while other threads write at other offsets.
  ///
  /// If there is no room, `make(held, n, capacity)` returns a block for `held + n` bytes in place
  /// of one with `capacity`, or an empty one if no block can be had, or throws; `carry(to, from,
  /// held)` copies the content. Returns: false if no block can be had; nothing has changed then.
  template <class Make, class Carry, class Write>
  [[nodiscard]] bool append(std::size_t n, Make&& make, Carry&& carry, Write&& write) {
    std::size_t left = word_.enter(n);
    if (left == word_type::none) {
      left = enter_slowly(n, make, carry);
      if (left == word_type::none) return false;
    }
    write(block_, usable(block_) - left);  // the block stays until this writer leaves
    word_.leave();
    return true;
  }

  /// Takes the block with all that was appended; `done(held)` runs under the lock. Waits for pieces
  /// that are being written. Returns: the block and its bytes; 0 bytes if nothing was taken.
  template <class Done>
  [[nodiscard]] std::pair<Block, std::size_t> take(Done&& done) {
    const guard<Lock> hold(lock_);
    const std::size_t left = word_.seal();
    const std::size_t held = usable(block_) - left;
    if (held == 0) {
      word_.unseal(left);  // an empty block is of more use here
      return {};
    }
    done(held);
    std::pair<Block, std::size_t> taken(std::move(block_), held);
    block_ = Block();
    word_.unseal(0);
    return taken;
  }

  /// Runs `action(held)` while neither growth nor `take` can happen; appends go on.
  template <class Action>
  decltype(auto) read(Action&& action) const {
    const guard<Lock> hold(lock_);
    return action(usable(block_) - word_.left());
  }

  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  /// Preconditions: no other thread uses this any more.
  [[nodiscard]] const Block& block() const noexcept { return block_; }

 private:
  using word_type = append_word<Env>;

  /// As `append_word::enter`, but makes the room that is missing.
  template <class Make, class Carry>
  [[nodiscard]] std::size_t enter_slowly(std::size_t n, Make& make, Carry& carry) {
    Block old;  // goes back to its pool after the lock
    const guard<Lock> hold(lock_);
    for (;;) {
      // A thread that came here because the word was sealed finds it open, and perhaps room.
      if (const auto left = word_.enter(n); left != word_type::none) return left;
      const std::size_t held = usable(block_) - word_.left();
      // The word is not sealed yet: smaller pieces go on, and if this throws nothing has changed.
      // One thread asks the pool for all threads that wait here.
      Block fresh = make(held, n, usable(block_));
      if (!fresh) return word_type::none;
      const std::size_t left = word_.seal();
      const std::size_t now_held = usable(block_) - left;
      if (n > usable(fresh) - now_held) {
        word_.unseal(left);  // others appended meanwhile: repeats at most until the old block is
                             // full
        continue;
      }
      carry(fresh, block_, now_held);
      old = std::exchange(block_, std::move(fresh));
      word_.unseal_inside(usable(block_) - now_held - n);
      return usable(block_) - now_held;
    }
  }

  [[nodiscard]] std::size_t usable(const Block& b) const noexcept {
    return b.capacity() < most_ ? b.capacity() : most_;
  }

  std::size_t most_;
  word_type word_;
  Block block_;  // changed while sealed; read by writers and under the lock
  mutable Lock lock_;
};

}  // namespace tarn::detail
