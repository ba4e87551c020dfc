// SPDX-License-Identifier: MIT
//
// faulty_source: a source that fails on demand, for tests of what a program does without memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include <tarn/detail/base/guard.hpp>
#include <tarn/policy/source.hpp>

namespace tarn {

/// A source that fails as a test tells it to. Copies share what they were told and what they
/// counted, so the copy outside controls the copy inside a pool:
///
///   tarn::faulty_source<> source;
///   tarn::byte_pool<..., tarn::traits<Tiers, Check, tarn::faulty_source<>>> pool({}, {}, source);
///   source.fail_from(3);  // the third allocation from now on throws std::bad_alloc, and all later
///
/// A get that the source refuses gives idle memory back and asks the source again. So a get fails
/// only if two allocations in a row do.
///
/// Thread safety: any thread may call any member.
template <memory_source Source = heap_source>
class faulty_source {
 public:
  static constexpr bool is_purgeable = detail::is_purgeable_v<Source>;

  /// Throws: `std::bad_alloc`.
  explicit faulty_source(Source source = {}) : source_(std::move(source)) {}
  // A move is a copy: the source that was moved from still controls the other one.
  faulty_source(const faulty_source&) = default;
  faulty_source& operator=(const faulty_source&) = default;
  ~faulty_source() = default;

  /// The `n`-th allocation from now on throws, once. 1 is the next.
  void fail_at(std::uint64_t n) noexcept { tell(n, n, 0); }
  /// The `n`-th allocation from now on throws, and so does each later one.
  void fail_from(std::uint64_t n) noexcept { tell(n, UINT64_MAX, 0); }
  /// Each `n`-th allocation from now on throws; 0: no allocation does.
  void fail_every(std::uint64_t n) noexcept { tell(0, 0, n); }
  void never_fail() noexcept { tell(0, 0, 0); }

  /// All calls of `allocate`, and those that threw because they were to fail.
  [[nodiscard]] std::uint64_t allocations() const noexcept { return read(&plan::calls); }
  [[nodiscard]] std::uint64_t failures() const noexcept { return read(&plan::failures); }
  /// Blocks and bytes that have not come back.
  [[nodiscard]] std::uint64_t live_blocks() const noexcept { return read(&plan::blocks); }
  [[nodiscard]] std::uint64_t live_bytes() const noexcept { return read(&plan::bytes); }

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    if (is_to_fail()) throw std::bad_alloc();
    void* const p = source_.allocate(bytes, alignment);
    count(1, bytes);
    return p;
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    source_.deallocate(p, bytes, alignment);
    count(std::uint64_t{0} - 1, std::uint64_t{0} - bytes);
  }
  void trim() noexcept
    requires requires(Source& source) { requires noexcept(source.trim()); }
  {
    source_.trim();
  }

 private:
  struct plan {
    system_mutex lock;
    std::uint64_t calls = 0;  // all below: guarded by lock
    std::uint64_t failures = 0;
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;
    std::uint64_t since_told = 0;
    std::uint64_t first = 0;  // failing calls, counted since then
    std::uint64_t last = 0;
    std::uint64_t every = 0;
  };

  void tell(std::uint64_t first, std::uint64_t last, std::uint64_t every) noexcept {
    const detail::guard<system_mutex> hold(plan_->lock);
    plan_->since_told = 0;
    plan_->first = first;
    plan_->last = last;
    plan_->every = every;
  }
  [[nodiscard]] bool is_to_fail() noexcept {
    const detail::guard<system_mutex> hold(plan_->lock);
    ++plan_->calls;
    const auto call = ++plan_->since_told;
    const bool fails = (plan_->first != 0 && call >= plan_->first && call <= plan_->last) ||
                       (plan_->every != 0 && call % plan_->every == 0);
    plan_->failures += fails;
    return fails;
  }
  void count(std::uint64_t blocks, std::uint64_t bytes) noexcept {
    const detail::guard<system_mutex> hold(plan_->lock);
    plan_->blocks += blocks;
    plan_->bytes += bytes;
  }
  [[nodiscard]] std::uint64_t read(std::uint64_t plan::* number) const noexcept {
    const detail::guard<system_mutex> hold(plan_->lock);
    return (*plan_).*number;
  }

  Source source_;
  std::shared_ptr<plan> plan_ = std::make_shared<plan>();
};

}  // namespace tarn
