// SPDX-License-Identifier: MIT
//
// Bytes for readv and writev, and a writev that does not stop half-way.
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

/// Bytes in one piece as an iovec. They stay where they are.
///
/// Preconditions: they are not const where the system is to write to them.
template <contiguous_bytes T>
[[nodiscard]] iovec to_iovec(const T& piece) noexcept {
  const auto bytes = bytes_of(piece);
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

/// Fills `out` with what follows `at`, as far as it goes. Returns: the part that was filled.
template <class Bytes>
std::span<iovec> to_iovecs(piece_cursor<Bytes> at, std::span<iovec> out) {
  std::size_t filled = 0;
  for (; filled != out.size() && !at.done(); ++filled) {
    out[filled] = to_iovec(at.front());
    at.skip(out[filled].iov_len);
  }
  return out.first(filled);
}
/// As that, from the begin on.
template <byte_pieces Pieces>
std::span<iovec> to_iovecs(const Pieces& pieces, std::span<iovec> out) {
  return to_iovecs(piece_cursor(pieces), out);
}

/// How far a write came.
struct write_result {
  std::size_t bytes;  ///< written by this call
  int error;          ///< 0 if that was all, else what `errno` said
};

/// Writes bytes in one or several pieces, from the byte `from` on, until all are written or the
/// system refuses: goes on after a partial write and after a signal, whatever the number of pieces.
///
/// `EAGAIN` of a descriptor that does not block is returned like any other error. A closed pipe
/// raises SIGPIPE, unless the program ignores it.
template <class Bytes>
[[nodiscard]] write_result write_all(int descriptor, const Bytes& bytes, std::size_t from = 0) {
  piece_cursor at(bytes);
  at.skip(from);
  std::size_t done = 0;
  while (!at.done()) {
    iovec batch[64];  // systems take 1024 at once; more than this gains nothing
    const auto next = to_iovecs(at, batch);
    const auto n = ::writev(descriptor, next.data(), static_cast<int>(next.size()));
    if (n > 0) {
      done += at.skip(static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return {done, n == 0 ? EIO : errno};  // a device that takes nothing would be asked for ever
    }
  }
  return {done, 0};
}

}  // namespace tarn
