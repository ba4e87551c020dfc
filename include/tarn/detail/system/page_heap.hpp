// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/system/pages.hpp>

namespace tarn::detail {

/// A small heap on pages of the system, for the memory that one core keeps beside its blocks:
/// shards, magazines, descriptors of slabs.
///
/// Pieces of one class are cut from runs of 64 KiB; the classes are a quarter of a power of two
/// apart. A run of which no piece is in use goes back to the system, unless it is the only one of
/// its class with free pieces. A piece larger than a quarter of a run has pages of its own.
/// Thread safety: from any thread. The system is called without the lock.
class page_heap {
 public:
  page_heap() noexcept = default;
  page_heap(const page_heap&) = delete;
  page_heap& operator=(const page_heap&) = delete;
  /// Preconditions: every piece was given back.
  ~page_heap() {
    for (run* const last : runs_) {
      if (last != nullptr) unmap_aligned(last, run_bytes, run_bytes);
    }
  }

  /// Returns: at least `bytes`, aligned to 128 if `bytes` is a multiple of that; null if the system
  /// refuses.
  [[nodiscard]] void* take(std::size_t bytes) noexcept {
    const auto size = piece_for(bytes);
    if (size > largest_piece) return map_pages(bytes);
    run* fresh = nullptr;
    for (;;) {
      const auto piece = locked(lock_, [&] {
        if (first_of(size) == nullptr && fresh != nullptr) {
          link(fresh, size);
          fresh = nullptr;
        }
        return first_of(size) != nullptr ? cut(first_of(size), size) : nullptr;
      });
      if (piece != nullptr) {
        if (fresh != nullptr)
          unmap_aligned(fresh, run_bytes, run_bytes);  // another thread was faster
        return piece;
      }
      void* const pages = map_aligned(run_bytes, run_bytes);
      if (pages == nullptr) return nullptr;
      fresh = ::new (pages) run;
    }
  }

  /// Preconditions: `p` is from `take(bytes)`.
  void give(void* p, std::size_t bytes) noexcept {
    const auto size = piece_for(bytes);
    if (size > largest_piece) return unmap_pages(p, bytes);
    const auto offset = reinterpret_cast<std::uintptr_t>(p) & (run_bytes - 1);
    auto* const r = static_cast<run*>(static_cast<void*>(static_cast<std::byte*>(p) - offset));
    const bool is_unused = locked(lock_, [&] {
      if (is_full(*r, size)) link(r, size);
      r->free = ::new (p) free_piece{r->free};
      if (--r->used != 0 || (r->next == nullptr && r->previous == nullptr)) return false;
      unlink(r, size);
      return true;
    });
    if (is_unused) unmap_aligned(r, run_bytes, run_bytes);
  }

  /// To be called around fork.
  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }

 private:
  static constexpr std::size_t run_bytes = std::size_t{64} << 10;
  static constexpr std::size_t largest_piece = run_bytes / 4;

  struct free_piece {
    free_piece* next;
  };
  struct alignas(no_sharing_alignment) run {
    run* next = nullptr;  // runs of the same size with free pieces
    run* previous = nullptr;
    free_piece* free = nullptr;
    std::uint32_t used = 0;
    std::uint32_t end = sizeof(run);  // of the part that was cut
  };

  /// The sizes of pieces: four to each power of two, from 64 bytes on.
  [[nodiscard]] static std::size_t piece_for(std::size_t bytes) noexcept {
    if (bytes <= 64) return 64;
    const auto step = std::bit_floor(bytes - 1) / 4;
    return align_up(bytes, step);
  }
  [[nodiscard]] run*& first_of(std::size_t size) noexcept {
    const auto power = cast_to<std::size_t>(std::bit_width(size)) - 1;
    return runs_[(power - 6) * 4 + (size >> (power - 2)) % 4];
  }
  [[nodiscard]] static bool is_full(const run& r, std::size_t size) noexcept {
    return r.free == nullptr && r.end + size > run_bytes;
  }

  [[nodiscard]] void* cut(run* r, std::size_t size) noexcept {
    void* piece = r->free;
    if (piece != nullptr) {
      r->free = r->free->next;
    } else {
      piece = reinterpret_cast<std::byte*>(r) + r->end;
      r->end += static_cast<std::uint32_t>(size);
    }
    ++r->used;
    if (is_full(*r, size)) unlink(r, size);
    return piece;
  }
  void link(run* r, std::size_t size) noexcept {
    run*& first = first_of(size);
    r->next = first;
    r->previous = nullptr;
    if (first != nullptr) first->previous = r;
    first = r;
  }
  void unlink(run* r, std::size_t size) noexcept {
    if (r->next != nullptr) r->next->previous = r->previous;
    (r->previous != nullptr ? r->previous->next : first_of(size)) = r->next;
    r->next = r->previous = nullptr;
  }

  system_mutex lock_;
  run* runs_[9 * 4] = {};  // runs with free pieces, by size; guarded by lock_
};

}  // namespace tarn::detail
