// SPDX-License-Identifier: MIT
//
// pool_watch: what keeps a log or a recorder told of a pool, whichever of them ends first.

#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/events/observer_list.hpp>
#include <tarn/observe/detail/fork_lock.hpp>
#include <tarn/policy/lock.hpp>

namespace tarn {

namespace detail {

/// A pool and one of its observers, as long as both are there. Either may end first.
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

/// Whether a pool is there: it closes only while nobody holds the lock.
struct pool_presence {
  fork_lock lock{fork_lock::rank::outer};
  bool closed = false;
};

/// `Writer(book, pool, presence)` is the observer; it closes `presence` when the pool closes.
template <class Pool, class Writer>
class pool_link final : public watch_link {
 public:
  template <class Book>
  pool_link(std::shared_ptr<Book> book, Pool& pool) : pool_(&pool) {
    auto* const made = new Writer(std::move(book), pool, presence_);
    access::watch(pool, made);
    writer_ = made;
  }
  ~pool_link() override { cut(); }

  void cut() noexcept override {
    Writer* out = nullptr;
    {
      const std::lock_guard hold(presence_->lock);
      if (writer_ != nullptr && !presence_->closed && access::unwatch(*pool_, writer_))
        out = writer_;
      writer_ = nullptr;
    }
    // Without the lock: who is being told may want it.
    if (out != nullptr) list_type::let_go(out);
  }
  void heed() noexcept override {
    const std::lock_guard hold(presence_->lock);
    if (writer_ != nullptr && !presence_->closed) access::refresh_fast_path(*pool_);
  }

 private:
  using list_type = observer_list<typename lock_traits<typename Pool::lock_type>::env>;

  Pool* pool_;  // to be used under the lock, while it is there
  std::shared_ptr<pool_presence> presence_ = std::make_shared<pool_presence>();
  Writer* writer_ = nullptr;
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
