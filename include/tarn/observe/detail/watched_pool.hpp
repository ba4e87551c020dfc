// SPDX-License-Identifier: MIT
//
// A pool seen from outside, whatever its type: what a registry hands out.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <tarn/detail/base/access.hpp>
#include <tarn/observe/detail/read_pool.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/policy/source.hpp>
#include <tarn/value/snapshot.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// A pool that others may look at: byte, object and message pools that any thread may use.
///
/// A pool with `no_lock` is not one: a thread that watches it would be a second one.
template <class Pool>
concept watchable = is_concurrent_v<typename Pool::lock_type> && requires(Pool& pool) {
  pool.owns(nullptr);
  pool.occupancy();
  pool.trim(std::size_t{0});
};

namespace detail {

/// A watched pool without its type. It keeps the pool's core, not the pool.
class watched {
 public:
  explicit watched(std::string name) : name_(std::move(name)) {}
  watched(const watched&) = delete;
  watched& operator=(const watched&) = delete;
  virtual ~watched() = default;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] virtual bool gone() const noexcept = 0;
  [[nodiscard]] virtual std::optional<snapshot> read() = 0;
  [[nodiscard]] virtual std::optional<occupancy> count() = 0;
  [[nodiscard]] virtual std::optional<int> retain(int percent) = 0;
  virtual std::size_t trim(std::size_t to_bytes) = 0;
  virtual std::size_t maintain(time_span now) = 0;
  virtual void drain() = 0;
  [[nodiscard]] virtual bool on_heap() const noexcept = 0;

 private:
  std::string name_;
};

template <class Pool>
class watched_as final : public watched {
 public:
  /// Preconditions: the pool is there, and no other thread ends it meanwhile.
  watched_as(Pool& pool, std::string name)
      : watched(std::move(name)), pool_(&pool), core_(&access::lifeline(pool)) {
    core_->pin();
  }
  ~watched_as() override { core_->drop_life(); }

  [[nodiscard]] bool gone() const noexcept override { return core_->visits().ended(); }

  [[nodiscard]] std::optional<snapshot> read() override {
    return inside([this] {
      auto s = read_pool(*pool_);
      s.name = this->name();
      return s;
    });
  }
  [[nodiscard]] std::optional<occupancy> count() override {
    return inside([this] { return pool_->occupancy(); });
  }
  [[nodiscard]] std::optional<int> retain(int percent) override {
    if constexpr (requires { pool_->set_retention_percent(percent); }) {
      return inside([&] { return pool_->set_retention_percent(percent); });
    }
    return std::nullopt;
  }
  std::size_t trim(std::size_t to_bytes) override {
    return inside([&] { return pool_->trim(to_bytes); }).value_or(0);
  }
  std::size_t maintain(time_span now) override {
    return inside([&] { return pool_->maintain(now); }).value_or(0);
  }
  void drain() override {
    static_cast<void>(inside([&] { return pool_->drain(), true; }));
  }
  [[nodiscard]] bool on_heap() const noexcept override {
    return std::is_same_v<typename Pool::source_type, heap_source>;
  }

 private:
  using core_type = std::remove_reference_t<decltype(access::lifeline(std::declval<Pool&>()))>;

  /// Runs `action` while the pool can't end. Returns: nothing if it has.
  template <class Action>
  auto inside(Action&& action) -> std::optional<decltype(action())> {
    if (!core_->visits().try_enter()) return std::nullopt;
    const struct visit {
      ~visit() { core->visits().leave(); }
      core_type* core;
    } until_done{core_};
    return action();
  }

  Pool* pool_;  // to be used inside only
  core_type* core_;
};

}  // namespace detail

/// A published pool; empty by default. A value, and safe to keep: when the pool has ended there is
/// nothing to read and nothing is done.
///
/// Every call keeps the pool from ending until it returns, so user code that a call runs (of idle
/// objects that are trimmed, say) must not wait for a thread that ends this pool.
///
/// Thread safety: as a `shared_ptr`; the pool itself may be used by any thread meanwhile.
class watched_pool {
 public:
  watched_pool() noexcept = default;

  /// The name under which it was published. Preconditions: not empty, also for all below.
  [[nodiscard]] const std::string& name() const noexcept { return seen_->name(); }
  /// True if the pool object still exists, closed or not.
  [[nodiscard]] bool alive() const noexcept { return seen_ != nullptr && !seen_->gone(); }
  [[nodiscard]] explicit operator bool() const noexcept { return seen_ != nullptr; }

  /// The numbers of the pool, under its published name; nothing if it has ended. A pool that does
  /// not count gets shows blocks and memory only. Complexity: as `snapshot` of the pool.
  [[nodiscard]] std::optional<tarn::snapshot> snapshot() const { return seen_->read(); }
  [[nodiscard]] std::optional<tarn::occupancy> occupancy() const { return seen_->count(); }
  /// True if its slabs come from `heap_source`.
  [[nodiscard]] bool is_on_heap() const noexcept { return seen_->on_heap(); }

  /// As those of the pool. Returns: 0 if it has ended.
  std::size_t trim(std::size_t to_bytes = 0) const { return seen_->trim(to_bytes); }
  std::size_t maintain(time_span now) const { return seen_->maintain(now); }
  void drain() const { seen_->drain(); }
  /// Returns: the old value; nothing if it has ended or has no such setting.
  std::optional<int> set_retention_percent(int percent) const { return seen_->retain(percent); }

 private:
  friend class pool_registry;
  explicit watched_pool(std::shared_ptr<detail::watched> seen) noexcept : seen_(std::move(seen)) {}

  std::shared_ptr<detail::watched> seen_;
};

}  // namespace tarn
