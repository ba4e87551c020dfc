// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/spin_lock.hpp>

namespace golden {

/// Records as the default does, but follows so few gets that no counted get is followed.
using hardly_following = tarn::basic_recording_stats<256, std::size_t{1} << 30>;

/// Shared bytes that are taken and dropped, of exactly a tier, so that they also take a node. In a
/// file of its own: an optimiser inlines less of a function that a file calls more often.
template <class Pool>
void shared(void* pool, void*, std::size_t);

}  // namespace golden
