// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>

namespace tarn::detail {

/// One word that lets several threads append to one block: {left, writers, sealed}. That is how
/// many bytes are still free, how many threads are copying, and whether no thread may enter.
///
/// It counts the bytes that are left, not those that are taken, so the word alone tells whether a
/// piece fits. A capacity beside it could belong to another block by the time of the exchange,
/// since `take` and growth may bring the same word about again.
///
/// `Env`: as native_env: `atomic`, `pause`.
template <class Env>
class append_word {
  using order = std::memory_order;

 public:
  static constexpr unsigned writer_bits = 20;
  static constexpr unsigned left_shift = writer_bits + 1;
  /// A number that does not fit into the word: `enter` returns it if there is no room.
  static constexpr std::size_t none = cast_to<std::size_t>((std::uint64_t{1} << 43) - 1);
  static constexpr std::size_t most = none - 1;

  /// Reserves the next `n` bytes, and keeps the block where it is until `leave`.
  /// Returns: the bytes left before, or `none` if there is no room, or the word is sealed.
  [[nodiscard]] std::size_t enter(std::size_t n) noexcept {
    // relaxed: only a guess, which the exchange checks.
    std::uint64_t old = word_.load(order::relaxed);
    while ((old & sealed_bit) == 0 && n <= left_of(old)) {
      // (1) acquire, pairs with (4), also across the exchanges of other threads: this thread sees
      // the block, and all that was moved into it.
      if (word_.compare_exchange_weak(old, old - (std::uint64_t{n} << left_shift) + one_writer,
                                      order::acquire, order::relaxed)) {
        return left_of(old);
      }
    }
    return none;
  }
  /// To be called when the bytes that `enter` reserved are written.
  void leave() noexcept {
    // (2) release, pairs with (3): the thread that takes the block away sees what this thread
    // wrote.
    word_.fetch_sub(one_writer, order::release);
  }

  /// Lets no more writers in and waits until all writers have left. Returns: the bytes that are
  /// left.
  /// Preconditions: one thread at a time seals.
  [[nodiscard]] std::size_t seal() noexcept {
    // relaxed: what counts is its place in the order of changes of this word.
    word_.fetch_or(sealed_bit, order::relaxed);
    for (unsigned turn = 0;; ++turn) {
      // (3) acquire, pairs with (2) of each writer, all of which are changes of this word.
      const std::uint64_t now = word_.load(order::acquire);
      if ((now & writers_mask) == 0) return left_of(now);
      Env::pause(turn);
    }
  }
  /// Lets writers in again, with `left` bytes. `unseal_inside` counts the caller as a writer.
  /// Preconditions: the caller sealed.
  void unseal(std::size_t left) noexcept { open(std::uint64_t{left} << left_shift); }
  void unseal_inside(std::size_t left) noexcept {
    open((std::uint64_t{left} << left_shift) + one_writer);
  }

  /// The bytes that are left at this moment.
  [[nodiscard]] std::size_t left() const noexcept {
    // relaxed: a number, which no thread uses to access the block.
    return left_of(word_.load(order::relaxed));
  }

 private:
  static constexpr std::uint64_t sealed_bit = 1;
  static constexpr std::uint64_t one_writer = 2;
  static constexpr std::uint64_t writers_mask =
      ((std::uint64_t{1} << writer_bits) - 1) * one_writer;

  [[nodiscard]] static std::size_t left_of(std::uint64_t word) noexcept {
    return cast_to<std::size_t>(word >> left_shift);
  }
  void open(std::uint64_t word) noexcept {
    // (4) release, pairs with (1).
    word_.store(word, order::release);
  }

  typename Env::template atomic<std::uint64_t> word_{0};
};

}  // namespace tarn::detail
