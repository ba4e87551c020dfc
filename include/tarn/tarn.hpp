// SPDX-License-Identifier: MIT
//
// All of tarn. Programs that mind their build times include what they use.

#pragma once

#include <tarn/buffer.hpp>
#include <tarn/builder.hpp>
#include <tarn/byte_pool.hpp>
#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/fwd.hpp>
#include <tarn/message.hpp>
#include <tarn/message_handle.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/errors.hpp>
#include <tarn/policy/immortal.hpp>
#include <tarn/policy/lifecycle.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/policy/options.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/runtime_tiers.hpp>
#include <tarn/policy/snapshot.hpp>
#include <tarn/policy/source.hpp>
#include <tarn/policy/spin_lock.hpp>
#include <tarn/policy/stats.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/policy/traits.hpp>
#include <tarn/policy/values/length_ring.hpp>
#include <tarn/policy/values/live_blocks.hpp>
#include <tarn/policy/values/locked_ring_queue.hpp>
#include <tarn/policy/values/ring_queue.hpp>
#include <tarn/policy/values/size_buckets.hpp>
#include <tarn/policy/writing/fast_buffer_options.hpp>
#include <tarn/policy/writing/size_hint.hpp>
#include <tarn/record.hpp>
#include <tarn/record_batch.hpp>
#include <tarn/shared_buffer.hpp>
#include <tarn/unsized_pool.hpp>
#include <tarn/version.hpp>
