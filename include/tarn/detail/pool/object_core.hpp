// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <tarn/detail/kept/kept_bytes.hpp>
#include <tarn/detail/kept/wipe.hpp>
#include <tarn/detail/pool/any_core.hpp>

namespace tarn::detail {

/// The core of an object pool: one tier of blocks of `T`, and the lifecycle of their objects.
///
/// `Config` adds to that of `core`, its `mechanism`: `value`, `lifecycle` (`keeps`; with it
/// `make(void*)`, which may throw, and `reset(T&)`).
template <class Config>
class object_core final : public core<typename Config::mechanism> {
 public:
  [[nodiscard]] static void* operator new(std::size_t bytes) {
    return base::template place_for<object_core>(bytes);
  }
  static void operator delete(void* p, std::size_t bytes) noexcept {
    base::template give_place<object_core>(p, bytes);
  }

  using product_config = Config;
  using base = core<typename Config::mechanism>;
  using value_type = typename Config::value;
  using lifecycle_type = typename Config::lifecycle;
  using typename base::checks_type;
  static constexpr bool keeps = lifecycle_type::keeps;

  object_core(core_settings settings, lifecycle_type lifecycle, typename Config::source source,
              std::string name, std::size_t keep_capacity_bytes, std::size_t default_capacity,
              bool wipes)
      : base(
            fit(settings), 1, [](std::uint32_t) { return sizeof(value_type); }, std::move(source)),
        lifecycle_(std::move(lifecycle)),
        name_(std::move(name)),
        keep_capacity_bytes_(keep_capacity_bytes),
        default_capacity_(default_capacity),
        wipes_(wipes) {
    refresh_fast_path();
  }

  /// Takes an object that was kept, or one that the factory makes. Returns: null if the core is
  /// closed or out of memory. Throws: what the factory throws; no block is lost by that. `last`:
  /// the caller does not try again, so a failure counts as a refusal.
  [[nodiscard]] TARN_FORCE_INLINE value_type* take_kept(typename base::where_type where = {},
                                                        bool last = true) {
    const auto got = this->take(0, sizeof(value_type), where);
    mark_out(got.block);
    if (got.from == origin::ready && is_unwatched()) [[likely]]
      return static_cast<value_type*>(got.block);
    return take_cold(got, last, where);
  }
  /// As `take_kept`, but waits at a bound until others have given an object back, or until the
  /// deadline.
  [[nodiscard]] TARN_COLD value_type* take_kept_until(std::int64_t deadline,
                                                      typename base::where_type where);
  /// One look of a request that waits for a kept object.
  [[nodiscard]] value_type* take_kept_in_turn(typename base::where_type where, turn whose);
  /// As `take_kept`, and calls `adapt(object)` before the get counts. If that throws, the object
  /// goes back as it came.
  template <class Adapt>
  [[nodiscard]] value_type* take_adapted(typename base::where_type where, Adapt&& adapt);
  /// Takes `count` objects and calls `use(i, object)` for each, or takes none. Returns: whether it
  /// got them. Throws: what the factory throws.
  template <class Use>
  [[nodiscard]] bool take_many(std::size_t count, typename base::where_type where, Use&& use);

  /// Takes a block without an object. Returns: null if the core is closed or out of memory.
  [[nodiscard]] TARN_FORCE_INLINE void* take_block(typename base::where_type where = {}) {
    const auto got = this->take(0, sizeof(value_type), where);
    mark_out(got.block);
    if (!is_unwatched()) [[unlikely]]
      tell_taken(got.block, got.from == origin::fresh);
    return got.block;
  }
  /// Takes a block and calls `build(block)`, which may throw, before the get counts. Returns: what
  /// `build` returns; null if the core is closed or out of memory.
  template <class Build>
  [[nodiscard]] value_type* build_block(typename base::where_type where, Build&& build,
                                        turn whose = turn::none);
  /// As `build_block`, but waits as `take_kept_until`.
  template <class Build>
  [[nodiscard]] value_type* build_block_until(std::int64_t deadline,
                                              typename base::where_type where, Build&& build);

  /// Takes an object back by hand. If the pool checks, an object that it did not hand out is left
  /// alone.
  void give_by_hand(value_type* object) noexcept;

  /// Takes an object back from its handle: reset and kept, or destroyed.
  TARN_FORCE_INLINE void give_object(value_type* object) noexcept {
    checks_type::mark(*this, object, false);
    give_admitted(object);
  }

  void refresh_fast_path() noexcept { this->set_hot_end(wipes_ ? 0 : 1); }

  /// Counts a refusal: there was no object.
  TARN_COLD void refuse_object() noexcept;
  /// Whether as many objects exist as the capacity allows, those included that are being made or
  /// destroyed.
  [[nodiscard]] TARN_COLD bool is_at_capacity() const noexcept;

  // The functions that `batch` calls: a ready block holds an object, if objects are kept.
  void make(std::uint32_t tier, void* block);
  void unmake(void* block) noexcept;
  void note_made(void* block) noexcept;

  [[nodiscard]] std::size_t default_capacity() const noexcept { return default_capacity_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t constructed() const noexcept { return constructed_.read(); }
  [[nodiscard]] std::uint64_t reset_failures() const noexcept { return reset_failures_.read(); }
  [[nodiscard]] std::uint64_t outgrown() const noexcept { return outgrown_.read(); }
  [[nodiscard]] const checks_type& misuses() const noexcept { return checks_; }
  void report(misuse kind, const void* object, std::size_t size) noexcept;
  /// Checks a return by hand.
  [[nodiscard]] bool admitted(const value_type* object) noexcept;

 private:
  ~object_core() override = default;

  TARN_FORCE_INLINE void mark_out([[maybe_unused]] void* block) noexcept {
    constexpr auto bytes = sizeof(value_type);
    if (block != nullptr) checks_type::on_get(*this, block, bytes, bytes, !keeps && !wipes_);
  }

  TARN_FORCE_INLINE void give_admitted(value_type* object) noexcept {
    checks_type::on_put(*this, object, sizeof(value_type), sizeof(value_type));
    if (!is_unwatched()) [[unlikely]] {
      if (give_watched(object)) return;
    }
    if constexpr (keeps) {
      if (!restore(*object)) [[unlikely]] {
        tell(pool_event_kind::discard, object);
        object->~value_type();
        return this->give_empty(0, object);
      }
    } else {
      object->~value_type();
      checks_type::on_idle(*this, object, sizeof(value_type), true);
    }
    if (!this->detain(*this, 0, object)) this->give(0, object);
  }
  /// Tells observers of a put. Returns: whether it also took the object back, and left none of its
  /// bytes.
  [[nodiscard]] TARN_COLD bool give_watched(value_type* object) noexcept;

  [[nodiscard]] static core_settings fit(core_settings s) noexcept {
    s.keeps_objects = keeps;
    s.least_stride =
        align_up(stride_for(sizeof(value_type) + checks_type::room_bytes), alignof(value_type));
    s.slab_bytes = max_of(s.slab_bytes, std::bit_ceil(alignof(value_type)));
    return s;
  }

  /// True if no observer listens to operations, and objects are not wiped.
  [[nodiscard]] TARN_FORCE_INLINE bool is_unwatched() const noexcept {
    return this->hot_end_.load(std::memory_order::relaxed) != 0;
  }
  TARN_COLD void tell(pool_event_kind what, void* block) noexcept;
  TARN_COLD void tell_taken(void* block, bool created) noexcept {
    if (block == nullptr) return;
    if (created) tell(pool_event_kind::create, block);
    tell(pool_event_kind::get, block);
  }

  /// Takes a kept object that must be made first, or that observers must be told of.
  [[nodiscard]] TARN_COLD value_type* take_cold(const typename base::taken_type& got, bool last,
                                                typename base::where_type where);
  /// Makes an object, with room for `default_capacity` if it is a container. Throws: what the
  /// factory and `reserve` throw; there is no object then.
  value_type* make_object(void* block);
  using bounds_type = bounds<typename Config::mechanism>;
  /// Takes home a block that was held, whose object is gone if it had one and `lost`.
  void put_unwanted(void* block, const held_blocks& held, bool lost) noexcept;

  /// Resets an object. Returns: false if it can't be kept.
  [[nodiscard]] TARN_FORCE_INLINE bool restore(value_type& object) noexcept {
    bool is_good = false;
    if constexpr (noexcept(lifecycle_.reset(object))) {
      is_good = lifecycle_.reset(object);
    } else {
      try {
        is_good = lifecycle_.reset(object);
      } catch (...) {  // as if it had returned false
      }
    }
    if (!is_good) [[unlikely]] {
      reset_failures_.add(1);
      return false;
    }
    return kept_bytes(object) <= keep_capacity_bytes_ || shrink(object);
  }

  /// Gives back the memory of an object that grew too large: by its own `shrink(bytes)`, or all of
  /// it. An object that a factory made, or that needs its default capacity, is not made again here:
  /// that may throw, so the next get does it. Returns: false if the object can't be kept.
  [[nodiscard]] bool shrink(value_type& object) noexcept;

  void dispose(void* block) noexcept override {
    static_cast<value_type*>(block)->~value_type();
    wipe_block(block);
  }
  /// Leaves no byte of an object that is gone.
  void wipe_block(void* block) noexcept {
    if (wipes_) secure_zero(block, sizeof(value_type));
  }

  TARN_NO_UNIQUE_ADDRESS lifecycle_type lifecycle_;
  std::string name_;
  std::size_t keep_capacity_bytes_;
  std::size_t default_capacity_;
  bool wipes_;                                        // immutable, as are the ones above
  shared_counter<typename Config::env> constructed_;  // slow paths only
  shared_counter<typename Config::env> reset_failures_;
  shared_counter<typename Config::env> outgrown_;  // came back above keep_capacity_bytes
  TARN_NO_UNIQUE_ADDRESS checks_type checks_;
};

}  // namespace tarn::detail
