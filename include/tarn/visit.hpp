// SPDX-License-Identifier: MIT
//
// Visits the objects of a pool that one thread uses.
//
//   tarn::object_pool<session, tarn::no_lock> sessions;
//   tarn::for_each_live(sessions, [](session& s) { s.tick(); });

#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <vector>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/core/block_walk.hpp>
#include <tarn/object_pool.hpp>

namespace tarn {

namespace detail {

template <class Core>
[[nodiscard]] std::vector<void*> ready_objects(Core& core) {
  using walk = block_walk<typename Core::config>;
  core.end_detention();
  std::vector<void*> blocks;
  blocks.reserve(cast_to<std::size_t>(bounds<typename Core::config>::reachable(core, 0)));
  walk::ready(core, 0, [&](void* block) { blocks.push_back(block); });
  return blocks;
}

}  // namespace detail

/// Calls `action(object)` for each object that a handle owns, or that was given up by
/// `handle::detach`, in no particular order. It also finds objects whose pool is closed.
///
/// The pool must be for one thread: under any other lock another thread could change an object, or
/// give it back, while `action` reads it.
///
/// Preconditions: `action` takes nothing from the pool and gives nothing back; collect what should
///   go, and let it go afterwards. No constructor, destructor, factory or reset of the pool is
///   running.
/// Throws: `std::bad_alloc`, before the first call; what `action` throws. The pool does not change.
/// Complexity: O(objects * log(idle objects)); a list of the idle objects is on the heap meanwhile.
template <class T, class Lock, class Stats, class Traits, class Action>
void for_each_live(object_pool<T, Lock, Stats, Traits>& pool, Action&& action) {
  static_assert(!is_concurrent_v<Lock>,
                "for_each_live: other threads may change or give back the objects meanwhile; the "
                "pool's lock must be tarn::no_lock");
  auto& core = *detail::access::core_of(pool);
  using walk = detail::block_walk<typename std::remove_reference_t<decltype(core)>::config>;
  auto idle = detail::ready_objects(core);
  std::sort(idle.begin(), idle.end(), std::less<>());
  walk::not_parked(core, 0, [&](void* block) {
    if (!std::binary_search(idle.begin(), idle.end(), block, std::less<>())) {
      action(*static_cast<T*>(block));
    }
  });
}

/// Calls `action(object)` for each object that is kept for a later get: reset, and owned by the
/// pool. `action` may change it, and must leave it as its reset does.
///
/// Preconditions, throws: as `for_each_live`. Complexity: O(idle objects), which are listed on the
/// heap meanwhile.
template <class T, class Lock, class Stats, class Traits, class Action>
  requires(Traits::lifecycle::keeps)
void for_each_idle(object_pool<T, Lock, Stats, Traits>& pool, Action&& action) {
  static_assert(!is_concurrent_v<Lock>,
                "for_each_idle: other threads may take the objects meanwhile; the pool's lock must "
                "be tarn::no_lock");
  for (void* const block : detail::ready_objects(*detail::access::core_of(pool)))
    action(*static_cast<T*>(block));
}

}  // namespace tarn
