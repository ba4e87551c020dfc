// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>

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

/// The parts of a check as one. Each sees each block once, in the order of the list, and has its
/// own bytes of the room behind the capacity.
template <class... Parts>
struct check_parts {
  static constexpr std::size_t room_bytes = (std::size_t{0} + ... + room_of<Parts>);
  /// Whether a part looks at what it left in an idle block.
  static constexpr bool watch_idle = (false || ... || watches_idle<Parts>);

  // `report(misuse)` is called for each finding.

  template <class Report>
  static void on_get(checked_block b, Report&& report) noexcept {
    const auto tell = [&]<class Part>(const Part*) {
      if constexpr (requires { Part::on_get(b); }) told([&] { return Part::on_get(b); }, report);
      b.room += room_of<Part>;
    };
    (tell(static_cast<const Parts*>(nullptr)), ...);
  }
  template <class Report>
  static void on_put(checked_block b, Report&& report) noexcept {
    const auto tell = [&]<class Part>(const Part*) {
      if constexpr (requires { Part::on_put(b); }) told([&] { return Part::on_put(b); }, report);
      b.room += room_of<Part>;
    };
    (tell(static_cast<const Parts*>(nullptr)), ...);
  }
  static void on_idle(checked_block b) noexcept {
    const auto tell = [&]<class Part>(const Part*) {
      if constexpr (requires { Part::on_idle(b); }) Part::on_idle(b);
      b.room += room_of<Part>;
    };
    (tell(static_cast<const Parts*>(nullptr)), ...);
  }

 private:
  template <class Look, class Report>
  static void told(Look&& look, Report&& report) noexcept {
    if constexpr (std::is_void_v<decltype(look())>) {
      look();
    } else {
      const check_finding found = look();
      if (found) report(found.kind());
    }
  }
};

/// The parts that a configuration names; none if it names none.
template <class Config>
struct parts_in {
  using type = check_parts<>;
};
template <class Config>
  requires requires { typename Config::check_parts; }
struct parts_in<Config> {
  using type = typename Config::check_parts;
};
template <class Config>
using parts_of = typename parts_in<Config>::type;

}  // namespace tarn::detail
