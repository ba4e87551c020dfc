// SPDX-License-Identifier: MIT
//
// Coroutine frames from a pool.
//
//   struct task {
//     struct promise_type : tarn::pooled_frame<> { ... };
//   };
//   task serve(tarn::byte_pool<>& pool, int socket);  // its frame is from `pool`
//   task idle();                                      // from tarn::default_pool()
//
// Some compilers keep the address of a thread_local across a suspension: a coroutine that resumes
// on another thread then uses the thread_local of the first thread (LLVM issues 47179 and 63022).
// Frames are safe from that: their new and delete are calls that are never inlined. For a body that
// changes threads and uses a thread_cached pool before and after a suspension, no error was seen
// with clang 14 (-O1 to -O3). A [[gnu::__noinline__]] function around that use is safe.

#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/fwd.hpp>

namespace tarn {
namespace detail {

template <class T>
inline constexpr bool is_pool = false;
template <class L, class S, class T>
inline constexpr bool is_pool<byte_pool<L, S, T>> = true;

/// Frames, each followed by the buffer that owns its memory. So a frame needs neither its pool nor
/// its thread when it ends.
template <class Pool>
class frame_memory {
  using buffer = typename Pool::buffer;

 public:
  // Neither function may be inlined into a coroutine: see the top of this file.
  [[nodiscard, gnu::__noinline__]] static void* take(Pool& pool, std::size_t size) {
    return settle(pool.get(buffer_at(size) + sizeof(buffer)), size);
  }
  [[nodiscard, gnu::__noinline__]] static void* try_take(Pool& pool, std::size_t size) noexcept {
    return settle(pool.try_get(buffer_at(size) + sizeof(buffer)), size);
  }
  [[gnu::__noinline__]] static void give(void* frame, std::size_t size) noexcept {
    auto* const behind =
        std::launder(reinterpret_cast<buffer*>(static_cast<std::byte*>(frame) + buffer_at(size)));
    const buffer owner = std::move(*behind);
    std::destroy_at(behind);
  }

  /// Returns: the first argument that is a pool of this type, else the default pool.
  [[nodiscard]] static Pool& pool_among() {
    static_assert(std::same_as<Pool, byte_pool<>>,
                  "pooled_frame: the coroutine has no argument of type Pool&, and only byte_pool<> "
                  "has a default pool");
    return default_pool();
  }
  template <class First, class... Rest>
  [[nodiscard]] static Pool& pool_among(First& first, Rest&... rest) {
    if constexpr (std::same_as<First, Pool>) {
      return first;
    } else {
      static_assert(!is_pool<std::remove_const_t<First>>,
                    "pooled_frame: an argument is a byte_pool of another type; name it, as in "
                    "pooled_frame<your_pool>");
      return pool_among(rest...);
    }
  }

 private:
  [[nodiscard]] static constexpr std::size_t buffer_at(std::size_t size) noexcept {
    return align_up(size, alignof(buffer));
  }
  static void* settle(buffer owner, std::size_t size) noexcept {
    std::byte* const frame = owner.data();
    if (frame != nullptr)
      std::construct_at(reinterpret_cast<buffer*>(frame + buffer_at(size)), std::move(owner));
    return frame;
  }
};

}  // namespace detail

/// A base of promise types. The frames of their coroutines come from the first argument that is a
/// `Pool&`, at any position, or else from `default_pool()`.
///
/// A frame takes 32 bytes more than the compiler requests. A compiler that sees its whole life may
/// leave it on the stack of the caller instead. A frame may be destroyed after its pool was closed
/// or has ended.
///
/// Preconditions: no object in the frame needs more than the alignment of operator new, which
///   compilers never request. Throws, at the creation of a coroutine: as `byte_pool::get`.
/// Thread safety: a frame of a concurrent pool may be resumed and destroyed on any thread.
template <class Pool>
struct pooled_frame {
  // Both are inlined, at every level of optimisation: g++ would report a mismatch between a `new`
  // that is a template and a `delete` that is not.
  template <class... Args>
  [[nodiscard]] TARN_ALWAYS_INLINE static void* operator new(std::size_t size, Args&... args) {
    return detail::frame_memory<Pool>::take(detail::frame_memory<Pool>::pool_among(args...), size);
  }
  TARN_ALWAYS_INLINE static void operator delete(void* frame, std::size_t size) noexcept {
    detail::frame_memory<Pool>::give(frame, size);
  }
};

/// As `pooled_frame`, for promise types with `get_return_object_on_allocation_failure`. The caller
/// gets the result of that function instead of an exception.
///
/// Preconditions: the promise type has that function.
template <class Pool>
struct try_pooled_frame {
  template <class... Args>
  [[nodiscard]] TARN_ALWAYS_INLINE static void* operator new(std::size_t size,
                                                             Args&... args) noexcept {
    try {
      return detail::frame_memory<Pool>::try_take(detail::frame_memory<Pool>::pool_among(args...),
                                                  size);
    } catch (const std::bad_alloc&) {  // from the first use of the default pool
      return nullptr;
    }
  }
  TARN_ALWAYS_INLINE static void operator delete(void* frame, std::size_t size) noexcept {
    detail::frame_memory<Pool>::give(frame, size);
  }
};

}  // namespace tarn
