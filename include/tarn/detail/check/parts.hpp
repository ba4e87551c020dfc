// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>

#include <tarn/detail/check/seam.hpp>
#include <tarn/value/basic/checked_block.hpp>

namespace tarn::detail {

template <class Part>
inline constexpr std::size_t room_of = 0;
template <class Part>
  requires requires { Part::room_bytes; }
inline constexpr std::size_t room_of<Part> = Part::room_bytes;

template <class Part>
inline constexpr bool watches_idle = false;
template <class Part>
  requires requires { Part::watches_idle; }
inline constexpr bool watches_idle<Part> = Part::watches_idle;

/// Whether a part makes idle blocks inaccessible. It comes first at a get and last at a put, so
/// that other parts can look at the bytes.
template <class Part>
inline constexpr bool hides_idle = false;
template <class Part>
  requires requires { Part::hides_idle; }
inline constexpr bool hides_idle<Part> = Part::hides_idle;

/// Where a part keeps blocks that were given back, if one does.
template <class Config, class... Parts>
struct detention_in {
  using type = no_detention;
};
template <class Config, class Part, class... Parts>
struct detention_in<Config, Part, Parts...> : detention_in<Config, Parts...> {};
template <class Config, class Part, class... Parts>
  requires requires { typename Part::template detention<Config>; }
struct detention_in<Config, Part, Parts...> {
  using type = typename Part::template detention<Config>;
};

/// The parts of a check as one. Each sees each block once, in the order of the list, and has its
/// own bytes of the room behind the capacity.
template <class... Parts>
struct check_parts {
  static constexpr std::size_t room_bytes = (std::size_t{0} + ... + room_of<Parts>);
  /// Whether a part looks at what it left in an idle block.
  static constexpr bool watch_idle = (false || ... || watches_idle<Parts>);

  template <class Config>
  using detention = typename detention_in<Config, Parts...>::type;

  // The core reports each finding.

  template <class Core>
  static void on_get(Core& core, void* block, std::size_t size, std::size_t capacity, bool is_free,
                     bool is_left) noexcept {
    const checked_block seen{bytes_of(block), size,   capacity, bytes_of(block) + capacity,
                             is_free,         is_left};
    const auto look = [&]<class Part>(const Part*, const checked_block& b) {
      if constexpr (requires { Part::on_get(b); }) tell(core, b, [&] { return Part::on_get(b); });
    };
    each<true>(seen, look);
    each<false>(seen, look);
  }
  template <class Core>
  static void on_put(Core& core, void* block, std::size_t size, std::size_t capacity) noexcept {
    const checked_block seen{bytes_of(block), size, capacity, bytes_of(block) + capacity};
    const auto look = [&]<class Part>(const Part*, const checked_block& b) {
      if constexpr (requires { Part::on_put(b); }) tell(core, b, [&] { return Part::on_put(b); });
    };
    each<false>(seen, look);
    each<true>(seen, look);
  }
  static void on_idle(void* block, std::size_t capacity, bool is_free) noexcept {
    const checked_block seen{bytes_of(block), capacity, capacity, bytes_of(block) + capacity,
                             is_free};
    const auto look = [&]<class Part>(const Part*, const checked_block& b) {
      if constexpr (requires { Part::on_idle(b); }) Part::on_idle(b);
    };
    each<false>(seen, look);
    each<true>(seen, look);
  }
  /// An idle block whose bytes are as `on_idle` left them leaves its detention. Returns: what the
  /// first part found that found a fault.
  [[nodiscard]] static check_finding on_release(void* block, std::size_t capacity) noexcept {
    const checked_block seen{
        bytes_of(block), capacity, capacity, bytes_of(block) + capacity, true, true};
    check_finding found;
    each<true>(seen, []<class Part>(const Part*, const checked_block& b) {
      if constexpr (requires { Part::on_get(b); }) static_cast<void>(Part::on_get(b));
    });
    each<false>(seen, [&]<class Part>(const Part*, const checked_block& b) {
      if constexpr (requires { Part::on_release(b); }) {
        if (!found) found = Part::on_release(b);
      }
    });
    each<true>(seen, []<class Part>(const Part*, const checked_block& b) {
      if constexpr (requires { Part::on_idle(b); }) Part::on_idle(b);
    });
    return found;
  }
  /// Memory of idle blocks is about to be cut anew, or to go back to the source.
  static void on_memory([[maybe_unused]] void* first, [[maybe_unused]] std::size_t n) noexcept {
    [[maybe_unused]] const auto tell_part = [&]<class Part>(const Part*) {
      if constexpr (requires { Part::on_memory(bytes_of(first), n); }) {
        Part::on_memory(bytes_of(first), n);
      }
    };
    (tell_part(static_cast<const Parts*>(nullptr)), ...);
  }

 private:
  [[nodiscard]] static std::byte* bytes_of(void* block) noexcept {
    return static_cast<std::byte*>(block);
  }
  /// Each part that hides idle blocks, or each that does not.
  template <bool Hides, class Action>
  static void each(checked_block b, const Action& action) noexcept {
    [[maybe_unused]] const auto see = [&]<class Part>(const Part* part) {
      if constexpr (hides_idle<Part> == Hides) action(part, b);
      b.room += room_of<Part>;
    };
    (see(static_cast<const Parts*>(nullptr)), ...);
  }
  template <class Core, class Look>
  static void tell(Core& core, const checked_block& b, Look&& look) noexcept {
    if constexpr (std::is_void_v<decltype(look())>) {
      look();
    } else {
      const check_finding found = look();
      if (found) core.report(found.kind(), b.bytes, b.size);
    }
  }
};

}  // namespace tarn::detail
