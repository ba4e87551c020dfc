// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/shared/ref_count.hpp>
#include <tarn/value/basic/call_site.hpp>

namespace tarn::detail {

/// The events of a pool. The first five are operations, each on one block; the others are rare.
enum class pool_event_kind : std::uint8_t {
  get,
  put,
  create,    // a block that had never been handed out, or an object that the factory made
  discard,   // an idle or returning block left: a bound, a trim, a reset that failed
  cleanup,   // an idle block left or lost its pages: it was not needed for long
  refuse,    // a request for `size` bytes got nothing; `before` is the reason
  oversize,  // a request above the last tier
  misuse,    // a misuse; `before` is the kind
  resize,    // a bound changed from `before` to `size` blocks
  reset,     // drained and made ready again: `size` blocks
  trim,      // `before` bytes of slabs became `size`
  upkeep,    // idle memory that is not needed is about to be given up, by this thread
  upkept,    // upkeep is done; `size` ticks of `maintain`, 0 if a call asked for it
  decay,     // `before` idle bytes became `size`: derived by observers from upkeep and upkept
  purge,     // as decay, for idle bytes with pages, whose blocks stayed
};

struct pool_event {
  pool_event_kind what = pool_event_kind::get;
  std::uint32_t tier = 0;
  std::size_t size = 0;
  std::size_t before = 0;
  void* block = nullptr;
  call_site where{};  // of an oversize request, where gets are followed
};

template <class Env>
class registry;

/// An object that is told what a core does, on the thread that does it, while it holds no lock.
///
/// Reference-counted: the list that it is in holds a reference, and so does each thread that is
/// telling it something.
template <class Env>
class observer {
 public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;

  /// Tells it an event. Returns: false if the observer failed to do what it wanted to.
  virtual bool on(const pool_event& what) noexcept = 0;
  /// Tells it that the pool closes. No event follows.
  virtual void on_close() noexcept {}
  /// Whether it listens to gets and puts. These leave the hit path then.
  [[nodiscard]] virtual bool wants_operations() const noexcept { return false; }

  void retain() noexcept { holders_.add(); }
  void release() noexcept {
    if (holders_.drop()) delete this;
  }
  /// True if only the caller holds it.
  [[nodiscard]] bool is_unique() const noexcept { return holders_.is_unique(); }
  /// In a fork's child: of its holders only the list is left.
  void forget() noexcept { holders_.restart(); }

  /// The registry of the core whose list it is in: it knows which threads are telling something.
  registry<Env>* told_from = nullptr;
  /// See `observer_list::set`; written before it is in the list.
  bool was_set = false;

 protected:
  virtual ~observer() = default;

 private:
  ref_count<Env> holders_;
};

}  // namespace tarn::detail
