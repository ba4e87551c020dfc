// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The block of a writer: its own, or one of which others hold parts in front of what the writer
/// may still write. Three words, one less than `Buffer`: so a fast_buffer stays within two cache
/// lines.
template <class Buffer, class Shared>
class write_block {
 public:
  constexpr write_block() noexcept = default;
  /// Takes a block. All of it may be written.
  explicit write_block(Buffer&& own) noexcept {
    own.resize(own.capacity());  // within the capacity: does not throw
    put(std::move(own));
  }
  write_block(write_block&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)),
        owner_(std::exchange(other.owner_, 0)) {}
  write_block& operator=(write_block&& other) noexcept {
    if (this == &other) return *this;
    reset();
    data_ = std::exchange(other.data_, nullptr);
    capacity_ = std::exchange(other.capacity_, 0);
    owner_ = std::exchange(other.owner_, 0);
    return *this;
  }
  ~write_block() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return owner_ != 0; }
  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Whether others may hold parts of it.
  [[nodiscard]] bool is_shared() const noexcept { return (owner_ & shared_bit) != 0; }

  void reset() noexcept {
    if (is_shared()) {
      take_shared().release();
    } else if (owner_ != 0) {
      take_own().reset();
    }
  }
  /// Makes the block the writer's own again, if the others are gone. Returns: whether it is.
  bool try_own() noexcept {
    if (!is_shared()) return true;
    Shared whole = take_shared();
    Buffer own = whole.thaw();  // from the begin of the block: no byte moves
    if (!own) {
      put(std::move(whole));
      return false;
    }
    put(std::move(own));
    return true;
  }

  /// Shares a part. The writer may write behind it. Throws: as `freeze`; nothing has changed then.
  [[nodiscard]] Shared share(std::size_t offset, std::size_t size) {
    if (!is_shared()) {
      Buffer own = take_own();
      try {
        // With its size as capacity the whole block counts as written, and its node lies elsewhere.
        put(freeze(std::move(own)));
      } catch (...) {
        put(std::move(own));
        throw;
      }
    }
    Shared whole = take_shared();
    Shared part = whole.slice(offset, size);  // within the whole: does not throw
    put(std::move(whole));
    return part;
  }
  /// Gives the block away, with its first `size` bytes in use. Preconditions: it is the writer's
  /// own.
  [[nodiscard]] Buffer detach(std::size_t size) noexcept {
    Buffer own = take_own();
    own.resize(size);
    return own;
  }
  /// Gives the block away as a shared one, of which a part shows. Throws: as `freeze`; nothing has
  /// changed then.
  [[nodiscard]] Shared detach_shared(std::size_t offset, std::size_t size) {
    Shared whole;
    if (is_shared()) {
      whole = take_shared();
      whole.truncate(offset + size);
    } else {
      Buffer own = take_own();
      own.resize(offset + size);  // leaves room for the node, if there is some
      try {
        whole = freeze(std::move(own));
      } catch (...) {
        *this = write_block(std::move(own));
        throw;
      }
    }
    whole.remove_prefix(offset);
    return whole;
  }

 private:
  static constexpr std::uintptr_t shared_bit = 1;  // owners are aligned

  void put(Buffer&& own) noexcept {
    const auto raw = std::move(own).to_raw();
    data_ = static_cast<std::byte*>(raw.data);
    capacity_ = raw.capacity;
    owner_ = reinterpret_cast<std::uintptr_t>(raw.owner);
  }
  void put(Shared&& whole) noexcept {
    const auto raw = std::move(whole).to_raw();
    data_ = const_cast<std::byte*>(raw.data);  // the writer's own bytes
    capacity_ = raw.size;
    owner_ = reinterpret_cast<std::uintptr_t>(raw.node) | shared_bit;
  }
  // A word for two kinds of owners, which differ in a bit.
  // NOLINTBEGIN(performance-no-int-to-ptr)
  [[nodiscard]] Buffer take_own() noexcept {
    const auto capacity = std::exchange(capacity_, 0);
    return Buffer::from_raw({std::exchange(data_, nullptr), capacity, capacity,
                             reinterpret_cast<void*>(std::exchange(owner_, 0))});
  }
  [[nodiscard]] Shared take_shared() noexcept {
    return Shared::from_raw({std::exchange(data_, nullptr), std::exchange(capacity_, 0),
                             reinterpret_cast<void*>(std::exchange(owner_, 0) & ~shared_bit)});
  }
  // NOLINTEND(performance-no-int-to-ptr)

  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::uintptr_t owner_ = 0;  // of the block, or the node of a shared one
};

}  // namespace tarn::detail
