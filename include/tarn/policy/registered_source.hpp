// SPDX-License-Identifier: MIT
//
// registered_source: memory that a device knows, and the key of each block.
//
//   tarn::registered_source<my_ring> memory(my_ring{fd});
//   using source = tarn::source_ref<decltype(memory)>;
//   tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
//                   tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, source>>
//       pool({.slab_bytes = 2 << 20}, {}, memory);
//   const auto block = pool.get(4096);
//   const auto* region = memory.find(block.data());
//   write_fixed(fd, block.data(), block.size(), region->key);

#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/depot/directory.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/source.hpp>

namespace tarn {

/// What makes memory known to a device or to the system: buffers of an io_uring, memory regions of
/// RDMA, pages that are locked.
///
/// `register_memory(p, bytes)` returns a key, or an empty optional if it is refused. Moving a key
/// cannot throw: memory that was registered always gets its key.
/// `unregister_memory(p, bytes, key)` gets the same numbers, and cannot fail. Both come from any
/// threads at the same time, once per slab or large block, not once per get.
template <class R>
concept memory_registrar =
    requires { typename R::key_type; } && std::default_initializable<typename R::key_type> &&
    std::is_nothrow_move_constructible_v<typename R::key_type> &&
    std::is_nothrow_move_assignable_v<typename R::key_type> &&
    requires(R& registrar, void* p, std::size_t bytes, const typename R::key_type& key) {
      { registrar.register_memory(p, bytes) } -> std::same_as<std::optional<typename R::key_type>>;
      requires noexcept(registrar.unregister_memory(p, bytes, key));
    };

/// Registers all memory that it takes from `Source`, and tells of each address in which region it
/// lies. To be used through `source_ref`: the program asks it for keys while the pool uses it.
///
/// A region is what the pool took at once: a slab, or a large block. It begins at a multiple of
/// 64 KiB and is a multiple of 64 KiB long. Devices allow few regions, so choose large slabs
/// (`options::slab_bytes`) and a `limit_bytes`. Idle memory keeps its pages: to drop them would
/// leave the device with the old ones.
///
/// Preconditions: it outlives the pool and every block of it. Thread safety: any thread.
/// Source of the idea: the registered buffers of io_uring and Seastar.
template <class Registrar, class Source>
class registered_source {
  static_assert(memory_registrar<Registrar>,
                "registered_source: the first type needs register_memory(p, bytes), "
                "unregister_memory(p, bytes, key) noexcept, and a key_type that has a default "
                "and moves without an exception; see tarn::memory_registrar");
  static_assert(memory_source<Source>, "registered_source: the second type is no memory source");

 public:
  using key_type = typename Registrar::key_type;
  static constexpr std::size_t unit_bytes = std::size_t{64} << 10;
  static constexpr bool is_purgeable = false;

  /// Memory that was registered at once.
  struct region {
    std::byte* first = nullptr;
    std::size_t bytes = 0;
    key_type key{};

    /// Where `p` lies in it, in bytes. Preconditions: it does.
    [[nodiscard]] std::size_t offset_of(const void* p) const noexcept {
      return static_cast<std::size_t>(static_cast<const std::byte*>(p) - first);
    }
  };

  explicit registered_source(Registrar registrar = {}, Source source = {})
      : registrar_(std::move(registrar)), source_(std::move(source)) {}
  registered_source(const registered_source&) = delete;
  registered_source& operator=(const registered_source&) = delete;

  /// Throws: `std::bad_alloc` if there is no memory, or if the registrar refuses it; what the
  /// registrar throws. Nothing is registered then.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    if (bytes > detail::max_size - unit_bytes) throw std::bad_alloc();
    const auto whole = detail::align_up(bytes, unit_bytes);
    const auto aligned = detail::max_of(alignment, unit_bytes);
    void* const p = source_.allocate(whole, aligned);
    try {
      auto made = std::make_unique<region>();
      if (!regions_.make_room(p, whole)) throw std::bad_alloc();
      auto key = registrar_.register_memory(p, whole);
      if (!key) throw std::bad_alloc();
      *made = {static_cast<std::byte*>(p), whole, std::move(*key)};
      regions_.set(p, whole, made.release());
      return p;
    } catch (...) {
      source_.deallocate(p, whole, aligned);
      throw;
    }
  }

  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    const auto whole = detail::align_up(bytes, unit_bytes);
    const std::unique_ptr<region> gone(regions_.find(p));
    regions_.set(p, whole, nullptr);
    registrar_.unregister_memory(p, whole, gone->key);
    source_.deallocate(p, whole, detail::max_of(alignment, unit_bytes));
  }

  void trim() noexcept
    requires requires(Source& source) { requires noexcept(source.trim()); }
  {
    source_.trim();
  }

  /// The region that `p` lies in; null if it lies in none. The region stays while a block in it is
  /// in use. Preconditions: no other thread gives back the block at `p` meanwhile. Takes no lock.
  /// Complexity: O(1).
  [[nodiscard]] const region* find(const void* p) const noexcept { return regions_.find(p); }
  /// Whether memory of this source lies at `p`. Takes no lock. Complexity: O(1).
  [[nodiscard]] bool owns(const void* p) const noexcept { return find(p) != nullptr; }

  [[nodiscard]] Registrar& registrar() noexcept { return registrar_; }

 private:
  static constexpr unsigned unit_bits = 16;
  static_assert(std::size_t{1} << unit_bits == unit_bytes);

  Registrar registrar_;
  Source source_;
  detail::directory<detail::native_env, region> regions_{unit_bits, detail::own_memory()};
};

}  // namespace tarn
