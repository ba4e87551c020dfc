// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/samples/sample.hpp>
#include <tarn/detail/shared/time_counts.hpp>
#include <tarn/detail/system/own_memory.hpp>

namespace tarn::detail {

/// The slots of a table, unless the environment sets another number: see `directory_bits`.
template <class Env>
inline constexpr std::size_t sample_slots = 2048;
template <class Env>
  requires requires { Env::sample_slots; }
inline constexpr std::size_t sample_slots<Env> = Env::sample_slots;

/// The blocks of one core that were chosen to be remembered while they are in use, by address. The
/// table has a fixed size and no lock: a block that finds no place is only counted.
///
/// A slot is written only by the getter that claimed it, and then by the thread that puts its
/// block. The put of a block that was not chosen mostly reads one byte.
template <class Env>
class sample_table {
 public:
  static constexpr std::size_t slot_count = sample_slots<Env>;
  static constexpr std::size_t lifetimes = 64;   // by the bits of the nanoseconds
  static constexpr std::size_t most_tiers = 64;  // tiers whose marks are kept

  sample_table() noexcept = default;
  sample_table(const sample_table&) = delete;
  sample_table& operator=(const sample_table&) = delete;
  ~sample_table() { end(); }
  /// Gives its memory back. Preconditions: no other thread is left.
  void end() noexcept {
    store* const made = store_.load(std::memory_order::relaxed);
    store_.store(nullptr, std::memory_order::relaxed);
    own.destroy(made);
  }

  own_memory own;       // where the slots come from; immutable once the pool is made
  length_sink lengths;  // as immutable
  void note_length(std::size_t size) const noexcept {
    if (lengths.push != nullptr) lengths.push(lengths.ring, size);
  }

  /// Examines a block that the calling thread has just got from a tier of `core`, if it is due.
  /// `began`: when the get began; 0 if it is not timed.
  template <class Core, class Recorder>
  void follow(Core& core, Recorder& recorder, std::uint32_t tier, const void* block,
              std::size_t size, const call_site& where, std::int64_t began) noexcept;
  /// Remembers a block that the calling thread has just got. Returns: the number of the sample.
  std::uint64_t remember(const void* block, std::size_t size, std::uint64_t weight,
                         const call_site& where, std::int64_t began = 0) noexcept;
  /// False if a block that the calling thread holds is not remembered; true if it may be.
  [[nodiscard]] TARN_FORCE_INLINE bool may_know(const void* block) const noexcept {
    // relaxed: the thread that handed the block over to this thread had counted it before.
    return counts_[home_of(block)].load(std::memory_order::relaxed) != 0;
  }
  /// Forgets a block that the calling thread is about to give back.
  void forget(const void* block) noexcept {
    if (may_know(block)) forget_known(block);
  }

  /// Where a block was taken; unknown if it is not remembered. Complexity: O(slots).
  [[nodiscard]] call_site site_of(const void* block) const noexcept;

  /// Calls `action(sample)` for each block that is remembered. Under load, each is one that was in
  /// use at some moment of the call.
  template <class Action>
  void for_each(Action&& action) const;
  /// The number of the next sample. Samples that come later have no lower number.
  [[nodiscard]] std::uint64_t next_id() const noexcept {
    return next_id_.load(std::memory_order::relaxed);  // the caller orders what it compares
  }
  // relaxed, for all of these: statistics.
  [[nodiscard]] std::uint64_t remembered() const noexcept {
    return next_id() - refused_.load(std::memory_order::relaxed);
  }
  [[nodiscard]] std::uint64_t refused() const noexcept {
    return refused_.load(std::memory_order::relaxed);
  }
  [[nodiscard]] std::uint64_t lifetime(std::size_t bits) const noexcept {
    return lifetimes_[bits].load(std::memory_order::relaxed);
  }
  /// How long gets took, by those that were timed.
  [[nodiscard]] const time_counts<Env>& acquire_times() const noexcept { return acquire_times_; }

  /// Notes that so many blocks of a tier were in use at some moment.
  void saw_in_use(std::size_t tier, std::uint64_t blocks) noexcept {
    if (tier >= most_tiers) return;
    auto most = most_in_use_[tier].load(std::memory_order::relaxed);
    while (most < blocks &&
           !most_in_use_[tier].compare_exchange_weak(most, blocks, std::memory_order::relaxed,
                                                     std::memory_order::relaxed)) {
    }
  }
  [[nodiscard]] std::uint64_t most_in_use(std::size_t tier) const noexcept {
    return tier < most_tiers ? most_in_use_[tier].load(std::memory_order::relaxed) : 0;
  }
  /// Whether to count the blocks in use now that `id` is remembered: with every fourth sample if
  /// samples are few, and less often the more threads there are, because the counts of each are
  /// read.
  [[nodiscard]] bool wants_in_use(std::uint64_t id, std::uint64_t weight) const noexcept {
    const auto threads = threads_.load(std::memory_order::relaxed);
    return id % (samples_per_time(weight) * (threads / 8 + 1)) == 0;
  }
  void saw_threads(std::uint32_t threads) noexcept {
    threads_.store(threads, std::memory_order::relaxed);
  }

 private:
  template <class T>
  using atomic = typename Env::template atomic<T>;

  // The number of slots in which a block may be, from its home on.
  static constexpr std::size_t window = min_of<std::size_t>(16, slot_count);

  struct details {
    atomic<std::uint64_t> sequence{0};  // odd while the slot is written
    atomic<std::size_t> size{0};
    atomic<std::uint64_t> weight{0};
    atomic<std::int64_t> since{0};
    atomic<std::uint64_t> id{0};
    atomic<const char*> file{nullptr};
    atomic<std::uint32_t> line{0};
  };
  /// The keys lie apart from the rest, so that a search for one reads two cache lines.
  struct store {
    atomic<const void*> keys[slot_count] = {};
    details of[slot_count];
  };

  [[nodiscard]] static std::size_t home_of(const void* block) noexcept {
    // Fibonacci hashing: blocks lie at equal distances. The upper bits are the good ones.
    return cast_to<std::size_t>((reinterpret_cast<std::uintptr_t>(block) * 0x9e3779b97f4a7c15u) >>
                                (64 - std::bit_width(slot_count - 1)));
  }
  /// Reading the clock is most of the cost of a sample: where samples are few, one in four is
  /// timed.
  [[nodiscard]] static bool is_timed(std::uint64_t id, std::uint64_t weight) noexcept {
    return id % samples_per_time(weight) == 0;
  }
  template <class Core>
  void look_at_use(Core& core, std::uint32_t tier) noexcept;
  [[nodiscard]] store* obtain_store() noexcept;
  void forget_known(const void* block) noexcept;
  [[nodiscard]] bool try_write(store& s, std::size_t slot, const sample& what) noexcept;
  [[nodiscard]] static bool read(const store& s, std::size_t slot, sample& into) noexcept;

  atomic<std::uint8_t> counts_[slot_count] = {};  // of blocks with this home; at most `window`
  atomic<store*> store_{nullptr};                 // made with the first sample; then it stays
  atomic<std::uint64_t> next_id_{0};
  atomic<std::uint64_t> refused_{0};
  atomic<std::uint32_t> threads_{0};
  atomic<std::uint64_t> lifetimes_[lifetimes] = {};
  time_counts<Env> acquire_times_;
  atomic<std::uint64_t> most_in_use_[most_tiers] = {};
};

}  // namespace tarn::detail
