// SPDX-License-Identifier: MIT
#pragma once

// Recognises the kind of an argument by one name that only this kind has.

#include <concepts>
#include <cstddef>

#include <tarn/fwd.hpp>

namespace tarn::detail {

template <class T>
concept defined = requires { sizeof(T); };
template <class T>
concept like_lock = std::same_as<T, lock_free> || requires(T& lock) {
  lock.lock();
  lock.unlock();
};
template <class T>
concept like_stats = requires { T::counts; };
template <class T>
concept like_check = requires { T::enabled; };
template <class T>
concept like_tiers = requires(const T& tiers, std::size_t n) { tiers.tier_for(n); };
template <class T>
concept like_source = requires(T& source, std::size_t n) { source.allocate(n, n); };
template <class T>
concept like_lifecycle = requires { T::keeps; };
template <class T>
concept like_traits = requires {
  typename T::check;
  typename T::source;
};
template <class T>
concept like_pool = requires {
  typename T::lock_type;
  typename T::stats_type;
};
template <class T>
concept like_part_of_traits =
    !like_pool<T> && (like_check<T> || like_tiers<T> || like_source<T> || like_lifecycle<T>);

}  // namespace tarn::detail
