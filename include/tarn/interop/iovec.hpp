// SPDX-License-Identifier: MIT
//
// iovecs for readv and writev, and `write_all`, which goes on after a partial write.
//
//   const auto sent = tarn::write_all(socket, chain);
//   if (sent.error == EAGAIN) later(sent.bytes);  // write_all(socket, chain, sent.bytes)

#pragma once

#include <sys/uio.h>
#include <cerrno>
#include <cstddef>
#include <span>

#include <tarn/interop/pieces.hpp>

namespace tarn {

/// Contiguous bytes as an iovec, without a copy.
///
/// Preconditions: the bytes are not const if the system writes to them.
template <contiguous_bytes T>
[[nodiscard]] iovec to_iovec(const T& piece) noexcept {
  const auto bytes = bytes_of(piece);
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

/// Fills `out` with the pieces after `at`, as many as fit. Returns: the filled part.
template <class Bytes>
std::span<iovec> to_iovecs(piece_cursor<Bytes> at, std::span<iovec> out) {
  std::size_t filled = 0;
  for (; filled != out.size() && !at.done(); ++filled) {
    out[filled] = to_iovec(at.front());
    at.skip(out[filled].iov_len);
  }
  return out.first(filled);
}
/// Fills `out` with the pieces from the begin, as many as fit. Returns: the filled part.
template <byte_pieces Pieces>
std::span<iovec> to_iovecs(const Pieces& pieces, std::span<iovec> out) {
  return to_iovecs(piece_cursor(pieces), out);
}

/// The result of a write.
struct write_result {
  std::size_t bytes;  ///< written by this call
  int error;          ///< 0 if all bytes were written, else `errno`
};

/// Writes bytes in one or several pieces, from the byte `from`, until all are written or the system
/// reports an error. Goes on after a partial write and after a signal, for any number of pieces.
///
/// `EAGAIN` of a non-blocking descriptor is returned as any other error. A closed pipe raises
/// SIGPIPE unless the program ignores it.
template <class Bytes>
[[nodiscard]] write_result write_all(int descriptor, const Bytes& bytes, std::size_t from = 0) {
  piece_cursor at(bytes);
  at.skip(from);
  std::size_t done = 0;
  while (!at.done()) {
    iovec batch[64];  // systems take 1024 at once; more than 64 gains nothing
    const auto next = to_iovecs(at, batch);
    const auto n = ::writev(descriptor, next.data(), static_cast<int>(next.size()));
    if (n > 0) {
      done += at.skip(static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return {done, n == 0 ? EIO : errno};  // 0: a device that takes nothing; no endless loop
    }
  }
  return {done, 0};
}

}  // namespace tarn
