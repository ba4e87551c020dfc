// SPDX-License-Identifier: MIT
//
// The handles of a pooled message: one owner writes it, or several owners read it. See
// message_pool.hpp.

#pragma once

#include <cstdint>
#include <utility>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// The move-only owner of one pooled message. It is empty by default, after `reset` and after a
/// move.
///
/// It may outlive its pool and the thread that took it. Thread safety: as an `int`.
template <class Pool>
class message_handle {
 public:
  using value_type = typename Pool::value_type;

  constexpr message_handle() noexcept = default;
  constexpr message_handle(message_handle&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)), core_(other.core_) {}
  constexpr message_handle& operator=(message_handle&& other) noexcept {
    message_handle(std::move(other)).swap(*this);
    return *this;
  }
  TARN_FORCE_INLINE ~message_handle() {
    if (slot_ != nullptr) Pool::give(*core_, slot_);
  }

  constexpr void swap(message_handle& other) noexcept {
    std::swap(slot_, other.slot_);
    std::swap(core_, other.core_);
  }
  friend constexpr void swap(message_handle& a, message_handle& b) noexcept { a.swap(b); }

  /// Gives the message back, if it owns one. Never fails.
  void reset() noexcept { message_handle().swap(*this); }

  /// Returns: the message; null if the handle is empty.
  [[nodiscard]] value_type* get() const noexcept {
    return slot_ != nullptr ? &slot_->value : nullptr;
  }
  /// Preconditions (also of `operator->`): not empty.
  [[nodiscard]] value_type& operator*() const noexcept { return slot_->value; }
  [[nodiscard]] value_type* operator->() const noexcept { return &slot_->value; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return slot_ != nullptr; }

 private:
  friend Pool;
  template <class>
  friend class shared_message;
  using slot_type = typename detail::access::of_messages<Pool>::slot;
  using core_type = typename detail::access::of<Pool>::core;

  constexpr message_handle(slot_type* slot, core_type* core) noexcept : slot_(slot), core_(core) {}

  slot_type* slot_ = nullptr;
  core_type* core_ = nullptr;  // only valid with a message
};

/// One of several owners of a pooled message. All of them may read it. It is empty by default,
/// after `reset` and after a move. The last owner gives the message back.
///
/// Thread safety: as a `std::shared_ptr`; as an `int` if the pool is not concurrent.
template <class Pool>
class shared_message {
 public:
  using value_type = const typename Pool::value_type;

  constexpr shared_message() noexcept = default;
  shared_message(const shared_message& other) noexcept : slot_(other.slot_), core_(other.core_) {
    if (slot_ != nullptr) slot_->count.add();
  }
  constexpr shared_message(shared_message&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)), core_(other.core_) {}
  shared_message& operator=(const shared_message& other) noexcept {
    shared_message(other).swap(*this);
    return *this;
  }
  constexpr shared_message& operator=(shared_message&& other) noexcept {
    shared_message(std::move(other)).swap(*this);
    return *this;
  }
  ~shared_message() {
    if (slot_ != nullptr && slot_->count.drop()) {
      slot_->count.restart();
      Pool::give(*core_, slot_);
    }
  }

  constexpr void swap(shared_message& other) noexcept {
    std::swap(slot_, other.slot_);
    std::swap(core_, other.core_);
  }
  friend constexpr void swap(shared_message& a, shared_message& b) noexcept { a.swap(b); }

  /// Drops its reference to the message, if it has one. Never fails.
  void reset() noexcept { shared_message().swap(*this); }

  /// True if this is the only owner.
  [[nodiscard]] bool unique() const noexcept {
    return slot_ != nullptr && slot_->count.is_unique();
  }
  /// The number of owners; 0 if empty. It may be outdated if other threads copy and drop handles.
  [[nodiscard]] std::uint64_t ref_count() const noexcept {
    return slot_ != nullptr ? slot_->count.count() : 0;
  }
  /// Turns the only owner into a handle that may write the message. Returns: an empty handle if
  /// there are other owners; nothing has changed then.
  [[nodiscard]] message_handle<Pool> make_unique() noexcept {
    if (!unique()) return {};
    return {std::exchange(slot_, nullptr), core_};
  }

  /// Returns: the message; null if the handle is empty.
  [[nodiscard]] value_type* get() const noexcept {
    return slot_ != nullptr ? &slot_->value : nullptr;
  }
  /// Preconditions (also of `operator->`): not empty.
  [[nodiscard]] value_type& operator*() const noexcept { return slot_->value; }
  [[nodiscard]] value_type* operator->() const noexcept { return &slot_->value; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return slot_ != nullptr; }

 private:
  friend Pool;
  friend class persistent_message<Pool>;
  using slot_type = typename detail::access::of_messages<Pool>::slot;
  using core_type = typename detail::access::of<Pool>::core;

  /// Takes over one reference.
  constexpr shared_message(slot_type* slot, core_type* core) noexcept : slot_(slot), core_(core) {}

  slot_type* slot_ = nullptr;
  core_type* core_ = nullptr;  // only valid with a message; null if that is persistent
};

}  // namespace tarn
