// SPDX-License-Identifier: MIT
//
// The numbers of a snapshot, as one list for JSON and metrics.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tarn/detail/check/verify.hpp>
#include <tarn/observe/text/text_writer.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn::detail {

enum class metric_kind : unsigned char { counter, gauge, histogram };

/// One number of a snapshot.
template <class From>
struct field {
  std::string_view json;    // its name in C++ and in JSON
  std::string_view metric;  // its metric, without prefix and `_total`; empty: only in JSON
  metric_kind kind;
  std::string_view help;
  metric_number (*read)(const From&);
  bool of_nodes = false;  // also a metric of the nodes of shared buffers

  /// The unit at the end of the metric's name, if any.
  [[nodiscard]] constexpr std::string_view unit() const noexcept { return unit_of(metric); }
  [[nodiscard]] static constexpr std::string_view unit_of(std::string_view name) noexcept {
    if (name.ends_with("_bytes")) return "bytes";
    if (name.ends_with("_seconds")) return "seconds";
    return {};
  }
};

using tier_field = field<tier_snapshot>;
inline constexpr tier_field tier_fields[] = {
    {"size_bytes", "block_size_bytes", metric_kind::gauge, "Size of a block, as the user sees it.",
     [](const tier_snapshot& t) { return metric_number(t.size_bytes); }},
    {"stride_bytes", "block_stride_bytes", metric_kind::gauge,
     "Size of a block, as memory sees it.",
     [](const tier_snapshot& t) { return metric_number(t.stride_bytes); }},
    {"gets", "gets", metric_kind::counter, "Gets that were served by the tier.",
     [](const tier_snapshot& t) { return metric_number(t.gets); }, true},
    {"puts", "puts", metric_kind::counter, "Blocks that came back.",
     [](const tier_snapshot& t) { return metric_number(t.puts); }, true},
    {"misses", "misses", metric_kind::counter,
     "Gets of a block that was never handed out or prewarmed before.",
     [](const tier_snapshot& t) { return metric_number(t.misses); }, true},
    {"hits", "", metric_kind::counter, "",
     [](const tier_snapshot& t) { return metric_number(t.hits()); }},
    {"hit_rate", "", metric_kind::gauge, "",
     [](const tier_snapshot& t) { return metric_number(t.hit_rate()); }},
    {"in_use", "in_use_blocks", metric_kind::gauge, "Blocks that are out.",
     [](const tier_snapshot& t) { return metric_number(t.in_use); }, true},
    {"most_in_use", "most_in_use_blocks", metric_kind::gauge,
     "High-water mark of the blocks that are out, sampled; 0 unless recorded.",
     [](const tier_snapshot& t) { return metric_number(t.most_in_use); }},
    {"peak_outstanding", "peak_outstanding_blocks", metric_kind::gauge,
     "High-water mark of the blocks that are out or in caches in front of the depot.",
     [](const tier_snapshot& t) { return metric_number(t.peak_outstanding); }},
    {"in_use_bytes", "in_use_bytes", metric_kind::gauge, "Bytes of the blocks that are out.",
     [](const tier_snapshot& t) { return metric_number(t.in_use * t.stride_bytes); }},
    {"idle", "idle_blocks", metric_kind::gauge, "Blocks that are ready for a get.",
     [](const tier_snapshot& t) { return metric_number(t.idle); }, true},
    {"idle_bytes", "idle_bytes", metric_kind::gauge,
     "Bytes of the blocks that are ready for a get.",
     [](const tier_snapshot& t) { return metric_number(t.idle * t.stride_bytes); }},
    {"idle_in_threads", "idle_in_threads_blocks", metric_kind::gauge,
     "Idle blocks in caches of threads.",
     [](const tier_snapshot& t) { return metric_number(t.idle_in_threads); }},
    {"idle_pinned", "idle_pinned_blocks", metric_kind::gauge,
     "Idle blocks parked in slabs that other blocks still use.",
     [](const tier_snapshot& t) { return metric_number(t.idle_pinned); }},
    {"idle_purged", "idle_purged_blocks", metric_kind::gauge,
     "Idle blocks without memory of their own until a get.",
     [](const tier_snapshot& t) { return metric_number(t.idle_purged); }},
    {"max_idle", "max_idle_blocks", metric_kind::gauge,
     "More idle blocks than these are discarded.",
     [](const tier_snapshot& t) { return metric_number::of_bound(t.max_idle); }},
    {"idle_for_seconds", "idle_for_seconds", metric_kind::gauge,
     "For at least so long some idle blocks were not needed.",
     [](const tier_snapshot& t) { return metric_number::of_nanoseconds(t.idle_for.count()); }},
    {"created", "created_blocks", metric_kind::counter, "Blocks that were made of memory.",
     [](const tier_snapshot& t) { return metric_number(t.created); }, true},
    {"retired", "retired_blocks", metric_kind::counter,
     "Blocks given back to the source or to another tier.",
     [](const tier_snapshot& t) { return metric_number(t.retired); }, true},
    {"recarved", "recarved_blocks", metric_kind::counter,
     "Retired blocks that were carved for a smaller tier.",
     [](const tier_snapshot& t) { return metric_number(t.recarved); }},
    {"abandoned", "abandoned_blocks", metric_kind::counter,
     "Blocks left in threads that a fork left behind.",
     [](const tier_snapshot& t) { return metric_number(t.abandoned); }},
    {"discarded", "discarded_blocks", metric_kind::counter, "Blocks that came back above a bound.",
     [](const tier_snapshot& t) { return metric_number(t.discarded); }},
    {"aged", "aged_blocks", metric_kind::counter,
     "Blocks that went because they were not needed for long.",
     [](const tier_snapshot& t) { return metric_number(t.aged); }},
    {"trimmed", "trimmed_blocks", metric_kind::counter,
     "Blocks that went on demand, or because memory was short.",
     [](const tier_snapshot& t) { return metric_number(t.trimmed); }},
    {"purged", "purged_blocks", metric_kind::counter,
     "Blocks whose pages went while they stayed idle.",
     [](const tier_snapshot& t) { return metric_number(t.purged); }},
    {"requested_bytes", "requested_bytes", metric_kind::counter,
     "Bytes that the gets asked for; 0 unless recorded.",
     [](const tier_snapshot& t) { return metric_number(t.bytes().requested); }},
    {"reserved_bytes", "reserved_bytes", metric_kind::counter,
     "Bytes of the blocks that the gets were given.",
     [](const tier_snapshot& t) { return metric_number(t.bytes().reserved); }},
    {"fresh_bytes", "fresh_bytes", metric_kind::counter,
     "Reserved bytes that were never handed out before.",
     [](const tier_snapshot& t) { return metric_number(t.bytes().fresh); }},
    {"reused_bytes", "reused_bytes", metric_kind::counter,
     "Reserved bytes that had been handed out before.",
     [](const tier_snapshot& t) { return metric_number(t.bytes().reused); }},
    {"dropped_bytes", "dropped_bytes", metric_kind::counter,
     "Bytes of blocks that came back above a bound.",
     [](const tier_snapshot& t) { return metric_number(t.bytes().dropped); }},
    {"recarved_bytes", "recarved_bytes", metric_kind::counter,
     "Bytes of blocks that were carved for a smaller tier.",
     [](const tier_snapshot& t) { return metric_number(t.bytes().recarved); }},
    {"purged_bytes", "purged_bytes", metric_kind::counter,
     "Bytes of pages that went while blocks stayed idle.",
     [](const tier_snapshot& t) { return metric_number(t.bytes().purged); }},
    {"waste", "", metric_kind::gauge, "",
     [](const tier_snapshot& t) { return metric_number(t.bytes().waste()); }},
};

using large_field = field<large_snapshot>;
inline constexpr large_field large_fields[] = {
    {"gets", "oversize_gets", metric_kind::counter, "Requests above the last tier.",
     [](const large_snapshot& l) { return metric_number(l.gets); }},
    {"puts", "oversize_puts", metric_kind::counter, "Blocks above the last tier that came back.",
     [](const large_snapshot& l) { return metric_number(l.puts); }},
    {"reused", "oversize_reused", metric_kind::counter,
     "Oversize requests that the large cache served.",
     [](const large_snapshot& l) { return metric_number(l.reused); }},
    {"discarded", "oversize_discarded", metric_kind::counter,
     "Oversize blocks that the large cache let go.",
     [](const large_snapshot& l) { return metric_number(l.discarded); }},
    {"in_use", "oversize_in_use_blocks", metric_kind::gauge,
     "Blocks above the last tier that are out.",
     [](const large_snapshot& l) { return metric_number(l.in_use); }},
    {"in_use_bytes", "oversize_in_use_bytes", metric_kind::gauge, "Bytes of those.",
     [](const large_snapshot& l) { return metric_number(l.in_use_bytes); }},
    {"most_in_use_bytes", "oversize_most_in_use_bytes", metric_kind::gauge,
     "Most bytes of blocks above the last tier that were out at once.",
     [](const large_snapshot& l) { return metric_number(l.most_in_use_bytes); }},
    {"kept", "oversize_kept_blocks", metric_kind::gauge, "Blocks in the large cache.",
     [](const large_snapshot& l) { return metric_number(l.kept); }},
    {"kept_bytes", "oversize_kept_bytes", metric_kind::gauge, "Bytes in the large cache.",
     [](const large_snapshot& l) { return metric_number(l.kept_bytes); }},
    {"max_kept_bytes", "oversize_max_kept_bytes", metric_kind::gauge,
     "Bytes that the large cache may keep.",
     [](const large_snapshot& l) { return metric_number(l.max_kept_bytes); }},
    {"fresh_bytes", "oversize_fresh_bytes", metric_kind::counter,
     "Bytes of oversize requests that the source served.",
     [](const large_snapshot& l) { return metric_number(l.fresh_bytes); }},
    {"reused_bytes", "oversize_reused_bytes", metric_kind::counter,
     "Bytes of the blocks that the large cache gave.",
     [](const large_snapshot& l) { return metric_number(l.reused_bytes); }},
    {"discarded_bytes", "oversize_discarded_bytes", metric_kind::counter,
     "Bytes of the blocks that the large cache let go.",
     [](const large_snapshot& l) { return metric_number(l.discarded_bytes); }},
    {"aged", "oversize_aged", metric_kind::counter,
     "Blocks of the large cache that were not needed for long and went.",
     [](const large_snapshot& l) { return metric_number(l.aged); }},
    {"aged_bytes", "oversize_aged_bytes", metric_kind::counter, "Bytes of those.",
     [](const large_snapshot& l) { return metric_number(l.aged_bytes); }},
    {"purged", "oversize_purged", metric_kind::counter,
     "Blocks of the large cache whose pages went while they stayed.",
     [](const large_snapshot& l) { return metric_number(l.purged); }},
    {"purged_bytes", "oversize_purged_bytes", metric_kind::counter, "Bytes of those pages.",
     [](const large_snapshot& l) { return metric_number(l.purged_bytes); }},
    {"kept_purged", "oversize_kept_purged_blocks", metric_kind::gauge,
     "Blocks in the large cache that have no pages.",
     [](const large_snapshot& l) { return metric_number(l.kept_purged); }},
    {"kept_purged_bytes", "oversize_kept_purged_bytes", metric_kind::gauge, "Bytes of those.",
     [](const large_snapshot& l) { return metric_number(l.kept_purged_bytes); }},
};

using pool_field = field<snapshot>;
inline constexpr pool_field pool_fields[] = {
    {"slab_bytes", "slab_bytes", metric_kind::gauge, "Bytes held of the source as slabs.",
     [](const snapshot& s) { return metric_number(s.slab_bytes); }},
    {"most_held_bytes", "most_held_bytes", metric_kind::gauge,
     "Most bytes held of the source at once, as slabs and large blocks.",
     [](const snapshot& s) { return metric_number(s.most_held_bytes); }},
    {"object_size_bytes", "object_size_bytes", metric_kind::gauge,
     "Size of an object, or of the last tier.",
     [](const snapshot& s) { return metric_number(s.object_size_bytes); }},
    {"max_idle_bytes", "max_idle_bytes", metric_kind::gauge,
     "More idle bytes than these are discarded.",
     [](const snapshot& s) { return metric_number::of_bound(s.max_idle_bytes); }},
    {"capacity", "capacity_blocks", metric_kind::gauge, "Blocks that may exist per tier.",
     [](const snapshot& s) { return metric_number::of_bound(s.capacity); }},
    {"limit_bytes", "limit_bytes", metric_kind::gauge,
     "Bytes of slabs and large blocks that may be held of the source.",
     [](const snapshot& s) { return metric_number::of_bound(s.limit_bytes); }},
    {"retains", "shared_retains", metric_kind::counter, "References added to shared buffers.",
     [](const snapshot& s) { return metric_number(s.retains); }},
    {"releases", "shared_releases", metric_kind::counter, "Of those references, dropped again.",
     [](const snapshot& s) { return metric_number(s.releases); }},
    {"constructed", "constructed_objects", metric_kind::counter, "Objects that the factory made.",
     [](const snapshot& s) { return metric_number(s.constructed); }},
    {"reset_failures", "reset_failures", metric_kind::counter,
     "Objects destroyed because their reset threw or returned false.",
     [](const snapshot& s) { return metric_number(s.reset_failures); }},
    {"outgrown", "outgrown_objects", metric_kind::counter,
     "Objects that came back with more memory than is kept.",
     [](const snapshot& s) { return metric_number(s.outgrown); }},
    {"samples", "followed_gets", metric_kind::counter, "Gets that were followed until their put.",
     [](const snapshot& s) { return metric_number(s.samples); }},
    {"not_sampled", "unfollowed_gets", metric_kind::counter,
     "Gets that should have been followed, but there was no place for them.",
     [](const snapshot& s) { return metric_number(s.not_sampled); }},
};

/// The kinds of misuse, as labels and keys.
inline constexpr std::string_view misuse_names[misuse_count] = {
    "null",       "foreign",     "interior", "wrong_size",  "wrong_pool",
    "double_put", "after_close", "overrun",  "written_idle"};

}  // namespace tarn::detail
