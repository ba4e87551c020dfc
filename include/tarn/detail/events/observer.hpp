// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/shared/ref_count.hpp>

namespace tarn::detail {

/// What a pool can tell of. The first five are operations, each on one block; the others are rare.
enum class pool_event_kind : std::uint8_t {
  get,
  put,
  create,    // a block that had never been handed out, or an object that the factory made
  discard,   // an idle or returning block went: a bound, a trim, a reset that failed
  cleanup,   // an idle block went, or its pages did, because it had not been needed for long
  refuse,    // a request for `size` bytes got nothing; `before` is the reason
  oversize,  // a request above the last tier
  misuse,    // `before` is the kind
  resize,    // a bound changed from `before` to `size` blocks
  reset,     // drained and made ready again: `size` blocks
  trim,      // `before` bytes of slabs became `size`
  upkeep,    // idle memory that is not needed is about to be given up, by this thread
  upkept,    // that is done; `size` ticks of `maintain`, 0 if it was asked for
  decay,     // `before` idle bytes became `size`: what a observer may make of these two
  purge,     // the same of idle bytes with pages, whose blocks stayed
};

struct pool_event {
  pool_event_kind what = pool_event_kind::get;
  std::uint32_t tier = 0;
  std::size_t size = 0;
  std::size_t before = 0;
  void* block = nullptr;
};

template <class Env>
class registry;

/// Somebody who is told what a core does: on the thread that does it, while it holds no lock.
///
/// Counted: the list that it is in holds a reference, and whoever is telling it another.
template <class Env>
class observer {
 public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;

  /// Returns: false if it failed to do what it wanted to.
  virtual bool on(const pool_event& what) noexcept = 0;
  /// The pool closes: nothing more will be told.
  virtual void on_close() noexcept {}
  /// Whether it wants to hear of gets and puts: these leave the hit path then.
  [[nodiscard]] virtual bool wants_operations() const noexcept { return false; }

  void retain() noexcept { holders_.add(); }
  void release() noexcept {
    if (holders_.drop()) delete this;
  }
  /// True if only the caller holds it.
  [[nodiscard]] bool is_unique() const noexcept { return holders_.is_unique(); }
  /// In a fork's child: only the list is left of those who held it.
  void forget() noexcept { holders_.restart(); }

  /// Of the core whose list it is in: knows which threads are telling something there.
  registry<Env>* told_from = nullptr;

 protected:
  virtual ~observer() = default;

 private:
  ref_count<Env> holders_;
};

}  // namespace tarn::detail
