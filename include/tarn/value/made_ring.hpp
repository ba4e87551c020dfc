// SPDX-License-Identifier: MIT
#pragma once

// Makes the rings that a pool owns.

#include <tarn/detail/base/error.hpp>
#include <tarn/value/length_ring.hpp>
#include <tarn/value/locked_ring_queue.hpp>
#include <tarn/value/ring_queue.hpp>

namespace tarn {

inline length_ring::length_ring(ring_type type, std::size_t capacity) {
  if (type == ring_type::lock_free) {
    own(new owned<ring_queue<std::size_t>>(capacity));
  } else if (type == ring_type::locked) {
    own(new owned<locked_ring_queue<std::size_t>>(capacity));
  } else {
    detail::throw_invalid("ring type", static_cast<unsigned>(type), "must be at most",
                          static_cast<unsigned>(ring_type::locked));
  }
}

}  // namespace tarn
