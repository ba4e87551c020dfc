// SPDX-License-Identifier: MIT
//
// All of tarn. To save build time, include only the headers that you use.

#pragma once

#include <tarn/buffer.hpp>
#include <tarn/builder.hpp>
#include <tarn/byte_hash.hpp>
#include <tarn/byte_pool.hpp>
#include <tarn/byte_reader.hpp>
#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/fwd.hpp>
#include <tarn/immortal.hpp>
#include <tarn/message.hpp>
#include <tarn/message_handle.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/persistent_message.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/check_parts.hpp>
#include <tarn/policy/fallback_source.hpp>
#include <tarn/policy/faulty_source.hpp>
#include <tarn/policy/lifecycle.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/per_cpu.hpp>
#include <tarn/policy/placed_source.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/runtime_tiers.hpp>
#include <tarn/policy/source.hpp>
#include <tarn/policy/spin_lock.hpp>
#include <tarn/policy/static_storage.hpp>
#include <tarn/policy/stats.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/policy/traits.hpp>
#include <tarn/policy/type_tiers.hpp>
#include <tarn/record.hpp>
#include <tarn/record_batch.hpp>
#include <tarn/reused_map.hpp>
#include <tarn/shared_buffer.hpp>
#include <tarn/unsized_pool.hpp>
#include <tarn/value/closing_report.hpp>
#include <tarn/value/decode_error.hpp>
#include <tarn/value/errors.hpp>
#include <tarn/value/fast_buffer_options.hpp>
#include <tarn/value/length_ring.hpp>
#include <tarn/value/live_blocks.hpp>
#include <tarn/value/locked_ring_queue.hpp>
#include <tarn/value/options.hpp>
#include <tarn/value/ring_queue.hpp>
#include <tarn/value/size_buckets.hpp>
#include <tarn/value/size_hint.hpp>
#include <tarn/value/snapshot.hpp>
#include <tarn/variant_pool.hpp>
#include <tarn/version.hpp>
#include <tarn/visit.hpp>
