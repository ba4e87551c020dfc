// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/depot/directory.hpp>
#include <tarn/detail/depot/ready_blocks.hpp>
#include <tarn/detail/depot/slab_bins.hpp>
#include <tarn/detail/depot/tier_counts.hpp>

namespace tarn::detail {

/// Which whole slabs leave: all, or only those that were carved out of a larger block.
enum class whole_slabs : std::uint8_t { all, carved };
[[nodiscard]] constexpr whole_slabs slabs_for(evict_reason why) noexcept {
  return why == evict_reason::reunited || why == evict_reason::purged ? whole_slabs::carved
                                                                      : whole_slabs::all;
}

/// The home of one tier's blocks. A block at home is either *ready*, in a magazine, or *parked*, as
/// a bit of its slab; a slab whose carved blocks are all parked is whole and can go.
///
/// Preconditions of all functions except the constructor and the destructor: the tier's lock is
/// held. No function here allocates or calls user code.
template <class Env>
class depot {
 public:
  using slab_type = slab<Env>;
  template <class T>
  using cell = typename Env::template cell<T>;

  depot() noexcept = default;
  depot(const depot&) = delete;

  ~depot() { slabs.destroy_all(shape); }

  tier_shape shape;  // immutable after construction of the core
  tier_counts count;
  std::uint64_t bound = ~std::uint64_t{0};     // ready blocks above it are discarded
  std::uint64_t max_live = ~std::uint64_t{0};  // blocks that may exist: an exact capacity
  ready_blocks<Env> magazines;
  slab_bins<Env> slabs;
  bool closed = false;
  bool settled = false;              // closed, and every block is home
  bool waited = false;               // a request waits, so each put must come to the lock
  std::uint64_t carved_out = 0;      // blocks of this tier that are carved for smaller ones
  std::uint32_t carve_misses = 0;    // how often a block was wanted while one was carved
  std::uint64_t least_home = 0;      // fewest blocks at home since the last tick
  std::uint64_t tick_away = 0;       // most blocks that were not, since the last tick
  std::uint64_t least_resident = 0;  // fewest blocks parked with pages since the last tick
  std::uint64_t carved_slabs = 0;    // slabs of this tier that are carved out of larger blocks
  std::uint64_t slab_count = 0;      // slabs with memory
  std::uint64_t compacted_away = 0;  // most blocks that were not home since the last compaction
  std::uint64_t uncounted = 0;       // fresh blocks from `take_bare` that may still come back

  /// Blocks that exist and can come home.
  [[nodiscard]] std::uint64_t live() const noexcept {
    return count.created + uncounted - count.retired - count.abandoned;
  }
  [[nodiscard]] std::uint64_t ready() const noexcept { return magazines.count(); }
  [[nodiscard]] std::uint64_t home() const noexcept {
    return ready() + static_cast<std::uint64_t>(parked_);
  }
  [[nodiscard]] std::uint64_t parked() const noexcept { return parked_; }
  /// Blocks that can still be carved out of the slabs.
  [[nodiscard]] std::uint64_t uncarved() const noexcept { return uncarved_; }
  /// Parked blocks that have their pages.
  [[nodiscard]] std::uint64_t resident() const noexcept { return parked_ - count.idle_purged; }

  /// Takes a ready block if there is one, else one that is parked or fresh.
  [[nodiscard]] acquired<Env> take() noexcept {
    if (ready() == 0) return take_from_slab();
    void* const block = magazines.take();
    note_away();
    return {block, origin::ready};
  }

  /// Takes a block that is in no magazine: a parked one out of the fullest slab, else a fresh one
  /// as long as more may exist.
  [[nodiscard]] acquired<Env> take_from_slab() noexcept {
    const auto result = take_bare();
    if (result.from == origin::fresh) count_fresh(1);
    if (result.block != nullptr) note_away();
    return result;
  }
  /// As `take_from_slab`, for a block that is not wanted for certain: it does not count as needed,
  /// nor as created. `count_fresh` follows for a fresh block that is, `put_bare` for one that is
  /// not.
  [[nodiscard]] acquired<Env> take_bare() noexcept {
    slab_type* const s = slabs.best(live() < max_live);
    if (s == nullptr) return {};
    if (s->parked != 0) return {unpark(s), origin::parked};
    return {carve(s), origin::fresh};
  }
  /// Carves a new block out of `s`, as `take_bare`. Preconditions: `s` has room for one.
  [[nodiscard]] void* carve(slab_type* s) noexcept {
    void* const block = s->block(s->carved++);
    ++uncounted;
    uncarved_ = uncarved_ - 1;
    slabs.place(s);
    return block;
  }
  /// Counts fresh blocks as created. In a fork's child they may be counted as abandoned already.
  void count_fresh(std::uint64_t blocks) noexcept {
    uncounted -= min_of(uncounted, blocks);
    count.created += blocks;
  }
  /// Takes home a block from `take_bare` as if it had not been taken. Returns: as `park`; a slab
  /// that was whole before stays.
  [[nodiscard]] slab_type* put_bare(slab_type* s, const void* block, origin from,
                                    whole_slabs going) noexcept {
    if (from != origin::fresh) return park(s, block, going);
    if (s->index_of(block) + 1 != s->carved) {  // others were carved out of `s` meanwhile
      count_fresh(1);
      return park(s, block, whole_slabs::all);
    }
    --s->carved;
    uncounted -= min_of<std::uint64_t>(uncounted, 1);
    uncarved_ = uncarved_ + 1;
    slabs.place(s);
    if (!s->whole()) return nullptr;
    forget(s);
    return s;
  }

  /// Takes out a parked block that has its pages, or returns null. It is not home until it is
  /// parked.
  [[nodiscard]] void* take_resident() noexcept {
    slab_type* const s = slabs.resident();
    return s != nullptr ? unpark(s) : nullptr;
  }
  /// Takes out a slab whose blocks are all parked, some with their pages, or returns null. The
  /// blocks are not home until the slab is put back.
  [[nodiscard]] slab_type* take_whole() noexcept {
    slab_type* const s = slabs.whole_resident();
    if (s == nullptr) return nullptr;
    slabs.remove(s);
    parked_ = parked_ - s->parked;
    uncarved_ = uncarved_ - (s->blocks - s->carved);
    count.idle_purged -= s->purged;
    return s;
  }
  void put_back(slab_type* s, std::uint64_t purged, std::uint64_t bytes) noexcept {
    parked_ = parked_ + s->parked;
    uncarved_ = uncarved_ + (s->blocks - s->carved);
    count.idle_purged += s->purged - purged;
    note_purged(purged, bytes);
    slabs.place(s);
  }
  /// Counts more blocks without pages. They are parked, or are about to be.
  void note_purged(std::uint64_t blocks, std::uint64_t bytes) noexcept {
    count.idle_purged += blocks;
    count.purged += blocks;
    count.purged_bytes += bytes;
  }

  /// Updates the marks of high and low water. To be called after blocks left.
  void note_away() noexcept {
    const auto idle = home();
    least_home = min_of(least_home, idle);
    least_resident = min_of(least_resident, resident());
    tick_away = max_of(tick_away, live() - idle);
    compacted_away = max_of(compacted_away, live() - idle);
    count.peak_outstanding = max_of(count.peak_outstanding, tick_away);
  }

  /// Takes a block home into its slab. Returns: the slab if that made it whole and `going` includes
  /// it, else null. A slab that is returned is in no list.
  [[nodiscard]] slab_type* park(slab_type* s, const void* block, whole_slabs going) noexcept {
    s->park(s->index_of(block));
    parked_ = parked_ + 1;
    slabs.place(s);
    if (!s->whole() || (going == whole_slabs::carved && s->parent == nullptr)) return nullptr;
    forget(s);
    return s;
  }

  /// Takes out up to `most` ready blocks, as long as more than `keep` are ready. They are not home
  /// until they are parked. Their magazine stays here, because a put may need it.
  [[nodiscard]] std::uint32_t take_above(std::uint64_t keep, void** blocks,
                                         std::uint32_t most) noexcept {
    std::uint32_t taken = 0;
    while (taken != most && ready() > keep)
      blocks[taken++] = magazines.take();
    return taken;
  }

  /// Adds a slab with its magazines.
  void add(slab_type* s, magazine_list<Env>& brought) noexcept {
    magazines.add(s->blocks, brought);
    uncarved_ = uncarved_ + s->blocks;
    ++slab_count;
    slabs.place(s);
  }

  /// Whether the ready blocks keep more slabs here than they need: side by side, they fill the
  /// least number of slabs, and each block that is away keeps one slab at most. `ready_elsewhere`:
  /// blocks that are not home but ready.
  [[nodiscard]] bool is_scattered(std::uint64_t ready_elsewhere) const noexcept {
    const auto away = blocks_away(ready_elsewhere);
    const auto each = slab_type::blocks_in(shape.slab_bytes, shape);
    const auto dense = (ready() + ready_elsewhere + each - 1) / each;
    return parked_ != 0 && slab_count > away + dense + 1;
  }
  /// As `is_scattered`, but true at most once as the number of blocks away falls to its half. So
  /// the cost of compactions stays in proportion to the blocks that come home.
  [[nodiscard]] bool is_worth_compacting(std::uint64_t ready_elsewhere) const noexcept {
    return blocks_away(ready_elsewhere) <= compacted_away / 2 && is_scattered(ready_elsewhere);
  }
  void note_compacted(std::uint64_t ready_elsewhere) noexcept {
    compacted_away = blocks_away(ready_elsewhere);
  }

  /// Takes out a slab of which no block is in use or ready, or returns null; see
  /// `slab_bins::spare`.
  [[nodiscard]] slab_type* pop_unused(bool whole_too) noexcept {
    slab_type* const s = slabs.spare(whole_too);
    if (s != nullptr) forget(s);
    return s;
  }

  /// Takes a whole slab out and retires its blocks.
  void forget(slab_type* s) noexcept {
    slabs.remove(s);
    parked_ = parked_ - s->parked;
    uncarved_ = uncarved_ - (s->blocks - s->carved);
    count.idle_purged -= s->purged;
    count.retired += s->carved;
    magazines.remove(s->blocks);
    s->uncarve();
    --slab_count;
  }

 private:
  [[nodiscard]] std::uint64_t blocks_away(std::uint64_t ready_elsewhere) const noexcept {
    const auto away = live() - home();
    return away - min_of(away, ready_elsewhere);
  }

  [[nodiscard]] void* unpark(slab_type* s) noexcept {
    const auto purged = s->purged;
    void* const block = s->block(s->unpark());
    count.idle_purged -= purged - s->purged;
    parked_ = parked_ - 1;
    slabs.place(s);
    return block;
  }

  cell<std::uint64_t> parked_{0};
  cell<std::uint64_t> uncarved_{0};
};

}  // namespace tarn::detail
