// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The one friend of all products. It gives handles, `observe/` and `interop/` what they need of a
/// pool and its users must not use.
///
/// Thread safety: `core_of` and `lifeline` refer to the core, which outlives the pool object. The
/// other functions use the pool object.
struct access {
  /// Types that only handles name.
  template <class Pool>
  struct of {
    using core = typename Pool::core_type;
  };
  template <class Pool>
  struct of_messages {
    using slot = typename Pool::slot_type;
    using permits = typename Pool::permits_type;
  };

  /// The core of a pool, which stays as long as it is pinned.
  template <class Pool>
  [[nodiscard]] static auto& lifeline(const Pool& pool) noexcept {
    return pool.lifeline();
  }
  /// The core of a pool, or of the block of a handle.
  template <class Owner>
  [[nodiscard]] static auto* core_of(const Owner& owner) noexcept {
    return owner.core_;
  }
  /// Tells `observer` of what the pool does. Takes the caller's reference, also if it throws.
  /// Throws: `pool_closed`; `std::invalid_argument` if there are as many as there may be.
  template <class Pool, class Observer>
  static void watch(Pool& pool, Observer* observer) {
    pool.watch(observer);
  }
  /// Ends the telling of new events to `observer`. Returns: whether it was told; the caller then
  /// has to let it go.
  template <class Pool, class Observer>
  [[nodiscard]] static bool unwatch(Pool& pool, Observer* observer) noexcept {
    return pool.unwatch(observer);
  }
  /// To be called when the set of events that observers listen to has changed.
  template <class Pool>
  static void refresh_fast_path(Pool& pool) noexcept {
    pool.refresh_fast_path();
  }
  /// As `try_get_at_least` of a byte_pool, but the pool neither counts nor reports a refusal: the
  /// caller has another way, and no request fails.
  template <class Pool>
  [[nodiscard]] static auto try_get_unreported(
      Pool& pool, std::size_t size,
      typename Pool::where_type where = Pool::where_type::current()) noexcept {
    return pool.try_get_unreported(size, where);
  }
  /// The same as `try_get_bulk`.
  template <class Pool, class Buffers>
  [[nodiscard]] static bool try_get_bulk_unreported(Pool& pool, std::size_t size, Buffers out,
                                                    typename Pool::where_type where) noexcept {
    return pool.try_get_bulk_unreported(size, out, where);
  }
  /// The same as `try_get_shared`.
  template <class Pool>
  [[nodiscard]] static auto try_get_shared_unreported(
      Pool& pool, std::size_t size,
      typename Pool::where_type where = Pool::where_type::current()) noexcept {
    return pool.try_get_shared_unreported(size, where);
  }
  /// Makes a handle from its parts.
  template <class Handle, class... Parts>
  [[nodiscard]] static Handle make(Parts... parts) noexcept {
    return Handle(parts...);
  }
  /// The sink of a ring, to which a pool pushes lengths.
  template <class Ring>
  [[nodiscard]] static auto sink(const Ring& ring) noexcept {
    return ring.sink();
  }
};

}  // namespace tarn::detail
