// SPDX-License-Identifier: MIT
#pragma once

#include <tarn/detail/depot/index_stack.hpp>
#include <tarn/detail/depot/slab_numbers.hpp>
#include <tarn/detail/frontend/cached_front.hpp>
#include <tarn/detail/frontend/processor_places.hpp>
#include <tarn/detail/frontend/shard.hpp>

namespace tarn::detail {

/// How blocks get onto an index stack and into the places before it, out of them, and from one to
/// the other: the lower half of `lock_free_front`.
template <class Config>
struct placed_stack : cached_front<Config> {
  using base = cached_front<Config>;
  using typename base::core_type;
  using typename base::env;
  using typename base::slab_type;
  using typename base::tier_type;
  using stack_type = index_stack<env>;
  using link_type = typename stack_type::link;
  using places_type = place_list<env>;
  using finder = typename slab_numbers<env>::finder;

  struct tier_part {
    stack_type stack;
    // How many blocks the stack holds, counted only if that is bounded.
    typename env::template atomic<std::int64_t> stacked{0};
    typename env::template atomic<std::uint32_t> meetings{0};
    bool has_no_places = false;  // for ever; guarded by the tier's lock
    // On lines that threads only read: not with the head of the stack.
    alignas(no_sharing_alignment) processor_places<env> places;
    typename env::template atomic<std::int64_t> most_stacked{INT64_MAX};
    slab_numbers<env> numbers;
    TARN_NO_UNIQUE_ADDRESS
    std::conditional_t<Config::counts, striped_counts<env>, no_counts> counts;

    void destroy(const tier_shape& shape) noexcept {
      numbers.destroy(shape.own);
      places.destroy(shape.own);
    }
    void bound_stack(std::uint64_t blocks) noexcept {
      // relaxed: a bound may be seen late.
      most_stacked.store(static_cast<std::int64_t>(min_of<std::uint64_t>(blocks, INT64_MAX - 1)),
                         std::memory_order::relaxed);
    }
    [[nodiscard]] bool is_bounded() const noexcept {
      return most_stacked.load(std::memory_order::relaxed) != INT64_MAX;  // relaxed: a bound
    }
    /// Preconditions: `is_bounded()`. Returns: the bound; the largest number if any level is
    /// allowed.
    [[nodiscard]] std::uint64_t stack_bound() const noexcept {
      const auto blocks = most_stacked.load(std::memory_order::relaxed);  // relaxed: a bound
      return blocks >= INT64_MAX - 1 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(blocks);
    }
  };
  /// Gives the tier places at each processor, unless it has some or is bounded. No lock is held.
  static void make_places(core_type& c, std::uint32_t tier) noexcept {
    auto& t = c.tiers_[tier];
    const auto& s = c.settings_;
    constexpr auto no_limit = core_settings::no_limit;
    if (t.is_bounded() || s.capacity != no_limit || s.limit_bytes != no_limit) return;
    if (t.places.are_made()) return;
    const auto room = min_of(room_for(t.home.shape.stride), most_places);
    t.places.make(t.home.shape.own, room, [&](const auto& publish) {
      locked(t.lock, [&] {
        // A thread that closes or bounds the tier comes to the places after that.
        if (!t.home.closed && !t.has_no_places && !t.places.are_made()) publish();
      });
    });
  }

 protected:
  // Meetings of threads at the stack of one tier before the tier gets places.
  static constexpr std::uint32_t most_meetings = 16;
  static constexpr std::uint32_t most_places = 64;  // of a tier at one processor: eight lines

  /// For a get on the hit path: no lock is held.
  [[nodiscard]] TARN_FORCE_INLINE static void* pop_stack(core_type& c, tier_type& t) noexcept {
    finder find(t.numbers);
    auto index = t.stack.try_pop(find);
    if (index == stack_type::lost) [[unlikely]]
      index = pop_met(c, t, find);
    return taken(c, t, find, index);
  }
  [[nodiscard]] TARN_FORCE_INLINE static void* taken(core_type& c, tier_type& t, const finder& find,
                                                     std::uint32_t index) noexcept {
    if (index == stack_type::none) return nullptr;
    if (t.is_bounded()) [[unlikely]]
      leave_stack(c, t);
    return find.block(index);
  }
  /// For a get that lost a race. Gets alone make places: a put needs no memory.
  [[nodiscard]] TARN_COLD static std::uint32_t pop_met(core_type& c, tier_type& t,
                                                       finder& find) noexcept {
    // relaxed: a number, which only decides when the places are made.
    if (t.meetings.fetch_add(1, std::memory_order::relaxed) % most_meetings == most_meetings - 1)
      make_places(c, t.home.shape.number);
    return t.stack.pop_again(find);
  }
  /// Takes a block from wherever one is. A lock may be held.
  [[nodiscard]] static void* pop_uncounted(core_type& c, tier_type& t) noexcept {
    finder find(t.numbers);
    const auto index = t.stack.pop(find);
    void* block = taken(c, t, find, index);
    t.places.for_each([&](places_type& p) {
      if (block == nullptr) block = p.take();
    });
    return block;
  }
  /// Takes some blocks at once, and leaves all but one in the nearest places.
  [[nodiscard]] static void* refill(core_type& c, tier_type& t, places_type& nearest) noexcept {
    typename places_type::taken some[most_places / 2];
    std::uint32_t count = 0;
    const auto most = max_of(nearest.room() / 2, 1u);
    finder find(t.numbers);
    const auto chain = t.stack.try_pop_chain(most, find);
    for (auto i = chain.first; i != stack_type::none;) {
      // relaxed: the chain is this thread's, but for the bit that any thread may set.
      const auto word = find(i).load(std::memory_order::relaxed);
      some[count++] = {find.block(i), (word & stack_type::still_bit) != 0};
      i = i != chain.last ? stack_type::index_in(word) : stack_type::none;
    }
    t.places.for_each([&](places_type& p) {
      if (count != 0) return;
      // At most half of what another processor has, so that its threads need not come here next.
      const auto half = &p != &nearest ? min_of((p.level() + 1) / 2, most) : 1;
      while (count != half) {
        const auto one = p.take_marked();
        if (one.block == nullptr) break;
        some[count++] = one;
      }
    });
    if (count == 0) return nullptr;
    // The first one is this thread's. It keeps the core.
    while (--count != 0) {
      const auto& one = some[count];
      if (!nearest.put(one.block, one.is_still)) c.give_ready(t.home.shape.number, one.block);
    }
    if (t.is_bounded()) recount(c, t);
    return some[0].block;
  }

  /// Returns: false if the stack is closed or full. On true the block is home: the core may end.
  [[nodiscard]] TARN_FORCE_INLINE static bool push_index(core_type& c, tier_type& t,
                                                         void* block) noexcept {
    if (t.is_bounded() && !enter_stack(c, t)) [[unlikely]]
      return false;
    slab_type* const s = c.directory_.find_known(block);
    const auto place = s->index_of(block);
    return t.stack.push(s->first_index + place, s->links[place]);
  }
  /// Moves half of the nearest places, which are full or sealed, to the stack, and the block too.
  [[nodiscard]] TARN_COLD static bool push_many(core_type& c, tier_type& t, places_type& nearest,
                                                void* block) noexcept {
    block_chain moved;
    for (auto n = nearest.room() / 2; n != 0; --n) {
      const auto one = nearest.take_marked();
      if (one.block == nullptr) break;
      moved.add(c, one);
    }
    // These are not the caller's: they go on alone if the stack is closed. The block in the
    // caller's hand keeps the core.
    if (moved.last != nullptr && !t.stack.push(moved.first, *moved.last)) {
      moved.last->store(stack_type::none, std::memory_order::relaxed);
      give_all(c, t, moved.first);
    }
    if (t.is_bounded()) recount(c, t);
    return push_index(c, t, block);
  }
  /// A tier was bounded while this thread moved blocks to or from its stack without counting them.
  TARN_COLD static void recount(core_type& c, tier_type& t) noexcept {
    // relaxed: a bound, which may be off by the blocks on their way.
    const auto now = static_cast<std::int64_t>(core_type::front::ready(c, t.home.shape.number));
    const auto before = t.stacked.exchange(now, std::memory_order::relaxed);
    if (c.settings_.bounds_idle_bytes) c.moved_bytes(t, now - before);
  }
  /// Makes a chain that this thread owns ready again. No lock is held.
  static void give_all(core_type& c, tier_type& t, std::uint32_t first) noexcept {
    while (first != stack_type::none) {
      void* const block = t.numbers.block_at(first);
      // relaxed: the chain is this thread's.
      first = stack_type::index_in(t.numbers.link_of(first).load(std::memory_order::relaxed));
      c.give_ready(t.home.shape.number, block);
    }
  }

  /// Counts a block into a bounded stack. Returns: false if that is one too many.
  [[nodiscard]] TARN_COLD static bool enter_stack(core_type& c, tier_type& t) noexcept {
    if (t.stack.is_closed()) return false;  // mostly: the push may still find it closed
    // relaxed, here and in leave_stack: these numbers only bound how much is kept.
    const auto before = t.stacked.fetch_add(1, std::memory_order::relaxed);
    if (c.settings_.bounds_idle_bytes) c.moved_bytes(t, 1);
    if (before < t.most_stacked.load(std::memory_order::relaxed) &&
        c.bounded_idle_bytes() <= c.settings_.max_idle_bytes) {
      return true;
    }
    leave_stack(c, t);
    return false;
  }
  TARN_FORCE_INLINE static void leave_stack(core_type& c, tier_type& t) noexcept {
    t.stacked.fetch_sub(1, std::memory_order::relaxed);
    if (c.settings_.bounds_idle_bytes) c.moved_bytes(t, -1);
  }

  /// A chain of blocks that one thread owns and will push.
  struct block_chain {
    std::uint32_t first = stack_type::none;
    link_type* last = nullptr;

    void add(core_type& c, const typename places_type::taken& one) noexcept {
      slab_type* const s = c.directory_.find_known(one.block);
      const auto place = s->index_of(one.block);
      auto& link = s->links[place];
      // (3) release, as in `index_stack`: a thread that walks along may follow this link.
      link.store(first | (one.is_still ? stack_type::still_bit : 0), std::memory_order::release);
      if (last == nullptr) last = &link;
      first = s->first_index + place;
    }
  };
  /// Under the lock: takes all blocks from their places. If `seals`, there are no places after
  /// that.
  [[nodiscard]] static block_chain gather(core_type& c, tier_type& t, bool seals) noexcept {
    block_chain all;
    const auto add = [&](const typename places_type::taken& one) { all.add(c, one); };
    if (seals) t.places.retire();
    t.places.for_each([&](places_type& p) { seals ? p.seal(add) : p.take_all(add); });
    return all;
  }
  /// The same, into the stack, which is open: it is closed with the places, and never armed.
  static void gather_into_stack(core_type& c, tier_type& t, bool seals) noexcept {
    const auto all = gather(c, t, seals);
    if (all.last != nullptr) static_cast<void>(t.stack.push(all.first, *all.last));
  }
};

}  // namespace tarn::detail
