// SPDX-License-Identifier: MIT
//
// Every member of every product, instantiated: a template that is never called is not compiled. (Of
// object_pool only with kept objects: clang 14 instantiates members whose constraints are not met.)

#pragma once

#include <mutex>
#include <string>
#include <vector>

#include <tarn/tarn.hpp>

namespace tarn {

template class byte_pool<>;
template class byte_pool<no_lock, no_stats>;
template class byte_pool<std::mutex, recording_stats, traits<kafka_tiers, checked, page_source>>;
template class byte_pool<lock_free, counting_stats,
                         traits<runtime_tiers, no_check, source_ref<heap_source>>>;
template class byte_pool<lock_free, recording_stats, traits<small_tiers, checked>>;
template class byte_pool<thread_cached<spin_lock>, no_stats, traits<fixed_tiers<64>>>;
template class byte_pool<per_cpu<>>;
template class byte_pool<per_cpu<std::mutex>, recording_stats, traits<runtime_tiers, checked>>;

template class basic_buffer<>;
template class basic_buffer<no_lock, no_stats>;
template class basic_buffer<std::mutex, recording_stats, traits<kafka_tiers, checked, page_source>>;

template class basic_shared_buffer<>;
template class basic_shared_buffer<no_lock, no_stats>;
template class basic_shared_buffer<std::mutex, recording_stats,
                                   traits<kafka_tiers, checked, page_source>>;
template class basic_chain<>;
template class basic_chain<no_lock, no_stats>;

template class basic_fast_buffer<>;
template class basic_concurrent_fast_buffer<std::mutex, no_stats>;
template class basic_fast_buffer<no_lock, no_stats, fast_buffer_traits<byte_pool<no_lock>, 64>>;

template class message_pool<>;
template class message_pool<message, no_lock, no_stats>;
template class message_pool<message, std::mutex, recording_stats,
                            object_traits<keep_objects<>, checked, page_source>>;

template class basic_variant_pool<type_tiers<int, std::string>>;
template class variant_handle<std::string, variant_pool<int, std::string>>;
template class persistent_message<message_pool<>>;

template class unsized_pool<>;
template class unsized_pool<std::mutex, recording_stats, checked, page_source>;

template class object_pool<std::string>;
template class object_pool<std::vector<int>, no_lock, no_stats>;
template class object_pool<std::string, lock_free, counting_stats,
                           object_traits<keep_objects<>, checked, page_source>>;
template class object_handle<object_pool<std::string>>;
template class object_pool<std::string, per_cpu<spin_lock>, no_stats>;

}  // namespace tarn
