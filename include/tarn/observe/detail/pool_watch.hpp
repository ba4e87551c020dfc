// SPDX-License-Identifier: MIT
//
// pool_watch: what keeps a log or a recorder told of a pool, whichever of them ends first.

#pragma once

#include <memory>
#include <utility>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/frontend/core_base.hpp>
#include <tarn/policy/lock.hpp>

namespace tarn {

namespace detail {

/// A pool and one of its observers, as long as both are there. Either may end first.
///
/// Thread safety: one thread may call `cut` while others call `heed`.
class watch_link {
 public:
  watch_link() = default;
  watch_link(const watch_link&) = delete;
  watch_link& operator=(const watch_link&) = delete;
  virtual ~watch_link() = default;
  /// Takes the observer out, and waits for what it is being told.
  virtual void cut() noexcept = 0;
  /// The pool asks anew what the observer wants.
  virtual void heed() noexcept = 0;
};

/// `Writer(book, pool)` is the observer.
///
/// It keeps the pool's core, so it needs no lock to find out whether the pool is there.
template <class Pool, class Writer>
class pool_link final : public watch_link {
 public:
  template <class Book>
  pool_link(std::shared_ptr<Book> book, Pool& pool)
      : pool_(&pool), core_(&access::lifeline(pool)), writer_(new Writer(std::move(book), pool)) {
    access::watch(pool, writer_);
    core_->pin();
    env::keep_functions_of(*this);
  }
  ~pool_link() override {
    cut();
    core_->drop_life();
  }

  void cut() noexcept override {
    auto* const out = std::exchange(writer_, nullptr);
    // A closed pool has let it go. No other observer has its address then: none is added any more.
    if (out == nullptr || !core_->observers().take_out(out)) return;
    heed();
    core_type::observers_type::let_go(out);
  }
  void heed() noexcept override {
    if (!core_->visits().try_enter()) return;
    access::refresh_fast_path(*pool_);
    core_->visits().leave();
  }

 private:
  using env = typename lock_traits<typename Pool::lock_type>::env;
  using core_type = core_base<env>;

  Pool* pool_;  // to be used in a visit
  core_type* core_;
  Writer* writer_;
};

}  // namespace detail

/// As long as it lives, a log or a recorder hears of one pool. Move-only; empty by default.
///
/// It may outlive both. Thread safety: as a `unique_ptr`; ending it waits for what the pool is
/// telling right now.
class pool_watch {
 public:
  pool_watch() noexcept = default;
  pool_watch(pool_watch&&) noexcept = default;
  pool_watch& operator=(pool_watch&& other) noexcept {
    reset();
    link_ = std::move(other.link_);
    return *this;
  }
  ~pool_watch() { reset(); }
  /// Ends it now.
  void reset() noexcept {
    if (link_ != nullptr) link_->cut();
    link_.reset();
  }
  [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

 private:
  friend class event_log;
  friend class operation_recorder;
  explicit pool_watch(std::shared_ptr<detail::watch_link> link) : link_(std::move(link)) {}

  std::shared_ptr<detail::watch_link> link_;
};

}  // namespace tarn
