// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Stands for `std::atomic` on one thread at a time: a plain value. The orders have no effect.
template <class T>
class unshared {
 public:
  using order = std::memory_order;
  using type = std::type_identity_t<T>;

  constexpr unshared() noexcept = default;
  constexpr unshared(T value) noexcept : value_(value) {}

  [[nodiscard]] T load(order) const noexcept { return value_; }
  void store(type value, order) noexcept { value_ = value; }
  T fetch_add(type n, order) noexcept { return exchange(static_cast<T>(value_ + n)); }
  T fetch_sub(type n, order) noexcept { return exchange(static_cast<T>(value_ - n)); }
  bool compare_exchange_strong(T& seen, type value, order, order) noexcept {
    const bool same = value_ == seen;
    (same ? value_ : seen) = same ? value : value_;
    return same;
  }
  bool compare_exchange_weak(T& seen, type value, order, order) noexcept {
    return compare_exchange_strong(seen, value, {}, {});
  }

 private:
  T exchange(T value) noexcept {
    const T old = value_;
    value_ = value;
    return old;
  }

  T value_{};
};

/// The environment `Env` for the parts of a pool that stays on one thread.
template <class Env>
struct unshared_env : Env {
  template <class T>
  using atomic = unshared<T>;
};

}  // namespace tarn::detail
