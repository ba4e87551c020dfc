// SPDX-License-Identifier: MIT
#pragma once

// What happens to the few blocks that are remembered.

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>
#include <tarn/detail/samples/sample_table.hpp>
#include <tarn/detail/system/system.hpp>

namespace tarn::detail {

template <class Env>
template <class Core, class Recorder>
void sample_table<Env>::follow(Core& core, Recorder& recorder, std::uint32_t tier,
                               const void* block, std::size_t size, const call_site& where,
                               std::int64_t began) noexcept {
  if (!recorder.is_due(recorder.number())) return;
  note_length(size);
  const std::uint64_t weight = recorder.choose(lengths.push != nullptr);
  if (weight == 0) return;
  const auto id = remember(block, size, weight, where, began);
  if (Core::mark != 0 && wants_in_use(id, weight)) look_at_use(core, tier);
}

/// Reads gets before puts, unlike `core::read`: puts in between make the number too small, so a
/// high-water mark is never too high. A get does not wait here: if the lock is taken, or blocks are
/// moving, another sample will do.
template <class Env>
template <class Core>
void sample_table<Env>::look_at_use(Core& core, std::uint32_t tier) noexcept {
  auto& t = core.tiers_[tier];
  std::uint64_t gets = t.counts.gets();
  if (!try_locked(t.lock, [&] { gets += t.home.count.gets; })) return;
  core.for_each_cache(t, [&](const auto& c) { gets += c.read() >> level_bits; });
  std::uint32_t caches = 0;
  std::uint64_t puts = 0;
  bool was_read = true;
  core.for_each_cache(t, [&](const auto& c) {
    typename Core::cache_type::numbers now;
    was_read = c.try_read(now) && was_read;
    puts += now.puts;
    ++caches;
  });
  if (!was_read || !try_locked(t.lock, [&] { puts += t.home.count.puts; })) return;
  puts += t.counts.puts();
  if (gets > puts) saw_in_use(tier, gets - puts);
  saw_threads(caches);
}

template <class Env>
auto sample_table<Env>::obtain_store() noexcept -> store* {
  // (1) acquire, pairs with (2): the slots are made.
  store* there = store_.load(std::memory_order::acquire);
  if (there != nullptr) return there;
  auto* const made = own.template make<store>();
  if (made == nullptr) return nullptr;
  if (store_.compare_exchange_strong(there, made, std::memory_order::acq_rel,  // (2), and (1)
                                     std::memory_order::acquire)) {
    return made;
  }
  own.destroy(made);  // another thread was faster
  return there;
}

template <class Env>
bool sample_table<Env>::try_write(store& s, std::size_t slot, const sample& what) noexcept {
  auto& d = s.of[slot];
  // (3) acquire, pairs with (6): the key is at least as new as the sequence.
  auto seen = d.sequence.load(std::memory_order::acquire);
  // relaxed: a key changes only while the sequence is odd, so the exchange proves that it stayed 0.
  if ((seen & 1) != 0 || s.keys[slot].load(std::memory_order::relaxed) != nullptr) return false;
  if (!d.sequence.compare_exchange_strong(seen, seen + 1, std::memory_order::acquire,
                                          std::memory_order::relaxed)) {
    return false;
  }
  // (4) release, here and below; pairs with (5): a thread that reads one of these sees the odd
  // sequence.
  constexpr auto published = std::memory_order::release;
  d.size.store(what.size, published);
  d.weight.store(what.weight, published);
  d.since.store(what.since, published);
  d.id.store(what.id, published);
  d.file.store(what.where.file_name(), published);
  d.line.store(what.where.line(), published);
  s.keys[slot].store(what.block, published);
  d.sequence.store(seen + 2, published);  // (6) pairs with (3) and (7)
  return true;
}

template <class Env>
bool sample_table<Env>::read(const store& s, std::size_t slot, sample& into) noexcept {
  const auto& d = s.of[slot];
  const auto seen = d.sequence.load(std::memory_order::acquire);  // (7) pairs with (6)
  if ((seen & 1) != 0) return false;
  constexpr auto with = std::memory_order::acquire;  // (5) pairs with (4)
  into.block = s.keys[slot].load(with);
  if (into.block == nullptr) return false;
  into.size = d.size.load(with);
  into.weight = d.weight.load(with);
  into.since = d.since.load(with);
  into.id = d.id.load(with);
  const char* const file = d.file.load(with);
  into.where = {file, d.line.load(with)};
  // relaxed: after a value of another writer, (5) has made its odd sequence visible.
  return d.sequence.load(std::memory_order::relaxed) == seen;
}

template <class Env>
auto sample_table<Env>::remember(const void* block, std::size_t size, std::uint64_t weight,
                                 const call_site& where, std::int64_t began) noexcept
    -> std::uint64_t {
  // relaxed: a number; a thread that compares it has an order of its own.
  const auto id = next_id_.fetch_add(1, std::memory_order::relaxed);
  const auto now = began != 0 || is_timed(id, weight) ? Env::now() : coarse_nanoseconds();
  if (began != 0) acquire_times_.add(now - began, weight * samples_per_time(weight));
  const sample what{block, size, weight, now, id, where};
  if (store* const s = obtain_store()) {
    const auto home = home_of(block);
    for (std::size_t i = 0; i != window; ++i) {
      if (!try_write(*s, (home + i) % slot_count, what)) continue;
      // relaxed: handing the block over orders this before its put.
      counts_[home].fetch_add(1, std::memory_order::relaxed);
      return id;
    }
  }
  refused_.fetch_add(1, std::memory_order::relaxed);  // a statistic
  return id;
}

template <class Env>
void sample_table<Env>::forget_known(const void* block) noexcept {
  store* const s = store_.load(std::memory_order::acquire);  // (1): made for another block, maybe
  if (s == nullptr) return;
  const auto home = home_of(block);
  for (std::size_t i = 0; i != window; ++i) {
    const auto slot = (home + i) % slot_count;
    // relaxed: the block was handed over to this thread, and with it what was written here.
    if (s->keys[slot].load(std::memory_order::relaxed) != block) continue;
    auto& d = s->of[slot];
    // Reading the clock is most of the cost: where samples are few, one in four is timed.
    const auto weight = d.weight.load(std::memory_order::relaxed);
    if (is_timed(d.id.load(std::memory_order::relaxed), weight)) {
      const auto out = Env::now() - d.since.load(std::memory_order::relaxed);
      const auto bits = std::bit_width(static_cast<std::uint64_t>(out < 0 ? 0 : out));
      lifetimes_[static_cast<std::size_t>(bits)].fetch_add(weight * samples_per_time(weight),
                                                           std::memory_order::relaxed);
    }
    // No other thread writes to a slot with a key.
    const auto seen = d.sequence.load(std::memory_order::relaxed);
    d.sequence.store(seen + 1, std::memory_order::relaxed);
    s->keys[slot].store(nullptr, std::memory_order::release);  // (4)
    d.sequence.store(seen + 2, std::memory_order::release);    // (6)
    counts_[home].fetch_sub(1, std::memory_order::relaxed);  // of this block: a get counts it anew
    return;
  }
}

template <class Env>
template <class Action>
void sample_table<Env>::for_each(Action&& action) const {
  const store* const s = store_.load(std::memory_order::acquire);  // (1)
  if (s == nullptr) return;
  for (std::size_t slot = 0; slot != slot_count; ++slot) {
    sample seen;
    if (read(*s, slot, seen)) action(seen);
  }
}

template <class Env>
call_site sample_table<Env>::site_of(const void* block) const noexcept {
  call_site found;  // by a walk: a misuse is rare
  for_each([&](const sample& s) noexcept { found = s.block == block ? s.where : found; });
  return found;
}

}  // namespace tarn::detail
