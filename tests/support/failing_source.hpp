// SPDX-License-Identifier: MIT
//
// A source that fails on request, and keeps a ledger of its allocations.
//
//   test::failing_source source;
//   tarn::byte_pool<...> pool({}, {}, source);  // copies share the ledger
//   source.fail_at(3);                          // the third allocation from now on throws
//   ...
//   CHECK(source.faults() == 0);
//   CHECK(source.live_blocks() == 0);

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>

#include <tarn/policy/source.hpp>

namespace test {

/// Wraps the heap. Copies share one ledger: so the copy outside sees the calls of the copy inside a
/// pool, and the ledger outlives both.
///
/// Faults are counted, never asserted: the calls come from any thread, and from destructors.
///
/// Thread safety: any thread may call any member.
class failing_source {
 public:
  /// The `n`-th allocation from now on throws `std::bad_alloc`, once. 1 is the next allocation.
  void fail_at(std::size_t n) { set(n, n); }

  /// The `n`-th allocation from now on throws, and so does every later one.
  void fail_from(std::size_t n) { set(n, SIZE_MAX); }

  /// No allocation throws any more.
  void never_fail() { set(SIZE_MAX, SIZE_MAX); }

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    ledger& book = *ledger_;
    const std::lock_guard hold(book.lock);
    ++book.asked;
    const std::size_t call = ++book.since_set;
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) ++book.faults;
    if (call >= book.first_failure && call <= book.last_failure) {
      ++book.failures;
      throw std::bad_alloc();
    }
    void* const p = tarn::heap_source{}.allocate(bytes, alignment);
    // Memory that was never written does not look like zeros by chance.
    std::memset(p, 0xA5, bytes);
    book.blocks.emplace(p, block{bytes, alignment});
    book.live_bytes += bytes;
    if (book.live_bytes > book.peak_bytes) book.peak_bytes = book.live_bytes;
    return p;
  }

  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    ledger& book = *ledger_;
    const std::lock_guard hold(book.lock);
    ++book.returned;
    const auto found = book.blocks.find(p);
    if (found == book.blocks.end()) {
      ++book.faults;  // not allocated, or already given back: the heap must not see it
      return;
    }
    if (found->second.bytes != bytes || found->second.alignment != alignment) ++book.faults;
    book.live_bytes -= found->second.bytes;
    // With the arguments of the allocation, whatever the caller passes now; and unlike memory in
    // use.
    std::memset(p, 0xDD, found->second.bytes);
    tarn::heap_source{}.deallocate(p, found->second.bytes, found->second.alignment);
    book.blocks.erase(found);
  }

  /// Returns: how many deallocations named a foreign pointer, or another size or alignment than the
  /// allocation, and how many allocations requested an alignment that is no power of two.
  [[nodiscard]] std::size_t faults() const { return read(&ledger::faults); }
  /// Returns: the number of blocks that have not come back.
  [[nodiscard]] std::size_t live_blocks() const {
    const std::lock_guard hold(ledger_->lock);
    return ledger_->blocks.size();
  }
  [[nodiscard]] std::size_t live_bytes() const { return read(&ledger::live_bytes); }
  [[nodiscard]] std::size_t peak_bytes() const { return read(&ledger::peak_bytes); }
  /// Returns: all calls of allocate, including those that threw.
  [[nodiscard]] std::size_t allocations() const { return read(&ledger::asked); }
  [[nodiscard]] std::size_t failures() const { return read(&ledger::failures); }
  [[nodiscard]] std::size_t deallocations() const { return read(&ledger::returned); }

 private:
  struct block {
    std::size_t bytes;
    std::size_t alignment;
  };

  struct ledger {
    std::mutex lock;
    std::unordered_map<void*, block> blocks;
    std::size_t live_bytes = 0;
    std::size_t peak_bytes = 0;
    std::size_t asked = 0;
    std::size_t returned = 0;
    std::size_t failures = 0;
    std::size_t faults = 0;
    // The failing calls, counted from the last request on.
    std::size_t since_set = 0;
    std::size_t first_failure = SIZE_MAX;
    std::size_t last_failure = SIZE_MAX;
  };

  void set(std::size_t first, std::size_t last) {
    const std::lock_guard hold(ledger_->lock);
    ledger_->since_set = 0;
    ledger_->first_failure = first;
    ledger_->last_failure = last;
  }

  [[nodiscard]] std::size_t read(std::size_t ledger::* number) const {
    const std::lock_guard hold(ledger_->lock);
    return (*ledger_).*number;
  }

  std::shared_ptr<ledger> ledger_ = std::make_shared<ledger>();
};

}  // namespace test
