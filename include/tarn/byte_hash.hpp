// SPDX-License-Identifier: MIT
//
// byte_hash: bytes as keys of hash tables, by content.
//
//   std::unordered_set<tarn::shared_buffer> seen;   // std::hash, with this header
//   std::unordered_map<tarn::shared_buffer, int, tarn::byte_hash, std::equal_to<>> counts;
//   auto found = counts.find("key"sv);              // no key is made to look for one

#pragma once

#include <cstddef>
#include <string_view>  // std::hash, without <functional>

#include <tarn/detail/system/process_key.hpp>
#include <tarn/detail/writing/content.hpp>
#include <tarn/detail/writing/siphash.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// Hashes bytes by content. Equal contents have equal hashes: those of a buffer, a shared buffer, a
/// chain however it is cut, a text, and bytes.
///
/// The key of the hash differs from process to process (on Linux), so that a client can't choose
/// names that fall into one bucket. Do not store the hash, and do not send it.
/// Complexity: O(bytes + pieces). Thread safety: all threads may use one at once.
struct byte_hash {
  using is_transparent = void;

  template <detail::content_or_view T>
  [[nodiscard]] std::size_t operator()(const T& value) const noexcept {
    const auto key = detail::key_of_process();
    detail::siphash hash(key.words[0], key.words[1]);
    for (const auto& piece : detail::pieces_of(value))
      hash.update({piece.data(), piece.size()});
    return detail::cast_to<std::size_t>(hash.value());
  }
};

}  // namespace tarn

template <class Lock, class Stats, class Traits>
struct std::hash<tarn::basic_buffer<Lock, Stats, Traits>> : tarn::byte_hash {};
template <class Lock, class Stats, class Traits>
struct std::hash<tarn::basic_shared_buffer<Lock, Stats, Traits>> : tarn::byte_hash {};
template <class Lock, class Stats, class Traits>
struct std::hash<tarn::basic_chain<Lock, Stats, Traits>> : tarn::byte_hash {};
template <class Lock, class Stats, class Traits>
struct std::hash<tarn::basic_fast_buffer<Lock, Stats, Traits>> : tarn::byte_hash {};
