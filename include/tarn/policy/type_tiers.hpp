// SPDX-License-Identifier: MIT
//
// A table of tiers for the objects of a list of types.
//
//   using events = tarn::type_tiers<opened, moved, closed>;
//   tarn::byte_pool_of<events> pool;
//   void* const place = pool.allocate(sizeof(moved), alignof(moved));

#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <tarn/detail/base/align.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/tiers.hpp>

namespace tarn {

namespace detail {

/// The strides of blocks for objects of these types, in ascending order without duplicates.
template <class... Ts>
struct strides_of {
  static constexpr std::size_t all = sizeof...(Ts);
  std::array<std::size_t, all> sizes{stride_for(sizeof(Ts))...};
  std::size_t count = 0;

  constexpr strides_of() noexcept {
    for (std::size_t i = 0; i != all; ++i) {  // sorts by insertion; at most 64 of them are left
      const auto size = sizes[i];
      std::size_t to = count;
      while (to != 0 && sizes[to - 1] > size)
        --to;
      if (to != 0 && sizes[to - 1] == size) continue;
      for (auto from = count++; from != to; --from)
        sizes[from] = sizes[from - 1];
      sizes[to] = size;
    }
  }
};
template <class... Ts>
inline constexpr strides_of<Ts...> strides_of_types{};
template <class Index, class... Ts>
struct tiers_of_types;
template <std::size_t... Places, class... Ts>
struct tiers_of_types<std::index_sequence<Places...>, Ts...> {
  using type = fixed_tiers<strides_of_types<Ts...>.sizes[Places]...>;
};

}  // namespace detail

/// The tiers for objects of these types: one for each size in memory, `sizeof` rounded up to 16
/// bytes, from 64 bytes on to 64. So a pool of them has no waste between its tiers. The types may
/// stand in any order, more than once; each has to be complete. At most 64 different sizes.
template <class... Ts>
struct type_tiers
    : detail::tiers_of_types<std::make_index_sequence<detail::strides_of_types<Ts...>.count>,
                             Ts...>::type {
  static_assert(sizeof...(Ts) != 0, "type_tiers needs at least one type");
};

}  // namespace tarn
