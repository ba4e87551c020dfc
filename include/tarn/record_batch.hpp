// SPDX-License-Identifier: MIT
//
// record_batch: the records of a log, and their encoding as Kafka record batches (version 2, not
// compressed).
//
//   tarn::record_batch_pool batches;
//   auto batch = batches.get();
//   batch->add().value.assign("hello");
//   batch->encode(out);                            // `out`: for example a fast_buffer
//
//   auto read = tarn::record_batch::decode(batches, received);  // throws decode_error

#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <tarn/detail/writing/checksum_writer.hpp>
#include <tarn/detail/writing/crc32c.hpp>
#include <tarn/detail/writing/decoder.hpp>
#include <tarn/detail/writing/sum.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/record.hpp>
#include <tarn/value/decode_error.hpp>

namespace tarn {

/// A type that bytes can be written to: a `fast_buffer`, or any type with these members.
template <class W>
concept byte_writer = requires(W& w, std::span<const std::byte> bytes, std::int64_t number) {
  w.append(bytes);
  w.append_be(number);
  w.append_zigzag(number);
};

/// The largest numbers that a decoder accepts. It refuses larger ones before it allocates memory.
struct decode_limits {
  std::size_t batch_bytes = std::size_t{16} << 20;
  std::size_t records = std::size_t{1} << 20;
  std::size_t key_bytes = std::size_t{1} << 20;
  std::size_t value_bytes = std::size_t{16} << 20;
  std::size_t headers = 1024;
  std::size_t header_bytes = std::size_t{64} << 10;  ///< of one name, and of one value
};

/// Records that are written and read together. `reset` keeps the memory of the batch and of each
/// record.
///
/// Thread safety: as an `int`.
class record_batch {
 public:
  std::int64_t base_offset = 0;
  std::int64_t first_timestamp = 0;
  std::int32_t leader_epoch = -1;
  std::int16_t attributes = 0;  ///< the lowest three bits (compression) must be 0
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::uint32_t crc = 0;  ///< from the decoded bytes; `encode` computes its own

  /// Adds an empty record. References to records are invalid then.
  /// Throws: `std::bad_alloc`.
  record& add() { return records_.add(); }
  [[nodiscard]] std::span<record> records() noexcept { return {records_.begin(), records_.size()}; }
  [[nodiscard]] std::span<const record> records() const noexcept {
    return {records_.begin(), records_.size()};
  }

  /// Gives every field its initial value. Complexity: O(records).
  void reset() noexcept {
    clear_fields();
    records_.reset();
  }
  /// As `reset`, and overwrites all memory that it keeps. See `byte_string::wipe`.
  void wipe() noexcept {
    clear_fields();
    records_.wipe();
  }
  /// Complexity: O(records), for any number of records before the last reset.
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return records_.kept_bytes(); }
  /// Drops the records and gives all memory back.
  void shrink(std::size_t) noexcept { records_.shrink(); }

  /// Appends the batch to `out`. Returns: its checksum.
  ///
  /// Throws: `std::length_error` if it has 2 GiB or more, or if the latest timestamp does not fit
  ///   64 bits; what `out` throws: `out` may have a part of the batch then.
  /// Complexity: O(bytes).
  template <byte_writer Writer>
  std::uint32_t encode(Writer& out) const {
    const auto size = encoded_size();
    detail::checksum_writer sum;
    encode_summed(sum);
    out.append_be(base_offset);
    out.append_be(static_cast<std::int32_t>(size - prefix_bytes));
    out.append_be(leader_epoch);
    out.append_be(version);
    out.append_be(sum.value());
    encode_summed(out);
    return sum.value();
  }
  /// The number of bytes that `encode` appends. Throws: `std::length_error` as `encode`.
  [[nodiscard]] std::size_t encoded_size() const {
    static_cast<void>(last_timestamp());
    constexpr std::size_t most = (std::numeric_limits<std::int32_t>::max)();
    std::size_t size = fixed_bytes;
    for (const record& r : records()) {
      const auto body = body_size(r);
      size = detail::sum_of(size, detail::zigzag_size(static_cast<std::int64_t>(body)) + body,
                            "record bytes", most);
    }
    return size;
  }

  /// Checks that `bytes` are exactly one batch, within the limits. Needs no memory.
  [[nodiscard]] static decode_result(check)(std::span<const std::byte> bytes,
                                            const decode_limits& limits = {}) noexcept {
    detail::decoder in(bytes);
    prelude p{};
    static_cast<void>(read_prelude(in, p, limits) && matches(in, p) && read_fields(in, p, limits) &&
                      read_records(in, p, limits, ignore{}));
    return in.result;
  }
  /// Decodes `bytes` into this batch. If they are not a batch, this batch becomes empty. It checks
  /// all lengths before it allocates memory. `bytes` may be part of this batch, for example a
  /// value.
  ///
  /// Preconditions: `bytes` do not change meanwhile. If they do, as shared memory may, the result
  ///   reports an error or is a batch; no byte is read out of bounds.
  /// Throws: `std::bad_alloc`.
  [[nodiscard]] decode_result try_decode(std::span<const std::byte> bytes,
                                         const decode_limits& limits = {}) {
    if (holds(bytes)) {
      record_batch inner;
      const auto result = inner.try_decode(bytes, limits);
      *this = std::move(inner);
      return result;
    }
    reset();
    const auto result = (check)(bytes, limits);
    return result ? fill(bytes, limits) : result;
  }
  /// As `try_decode`, but throws on a fault. Throws: `decode_error`; `std::bad_alloc`.
  void decode(std::span<const std::byte> bytes, const decode_limits& limits = {}) {
    if (const auto result = try_decode(bytes, limits); !result) throw decode_error(result);
  }

  /// Gets a batch and decodes `bytes` into it. It calls the pool only if `bytes` are a batch.
  /// Throws: `decode_error`; as the pool's `get`; `std::bad_alloc`.
  template <class Pool>
  [[nodiscard]] static typename Pool::handle decode(Pool& pool, std::span<const std::byte> bytes,
                                                    const decode_limits& limits = {}) {
    if (const auto result = (check)(bytes, limits); !result) throw decode_error(result);
    auto batch = pool.get();
    if (const auto result = batch->fill(bytes, limits); !result) throw decode_error(result);
    return batch;
  }

  friend bool operator==(const record_batch& a, const record_batch& b) noexcept {
    if (a.records_.size() != b.records_.size() || a.base_offset != b.base_offset ||
        a.first_timestamp != b.first_timestamp || a.leader_epoch != b.leader_epoch ||
        a.attributes != b.attributes || a.producer_id != b.producer_id ||
        a.producer_epoch != b.producer_epoch || a.base_sequence != b.base_sequence) {
      return false;
    }
    return std::equal(a.records_.begin(), a.records_.end(), b.records_.begin());
  }

 private:
  // The format: base offset, length of the rest, leader epoch, version, checksum of the rest, then
  // the fields that `encode_summed` writes.
  static constexpr std::size_t prefix_bytes = 8 + 4;
  static constexpr std::size_t fixed_bytes =
      prefix_bytes + 4 + 1 + 4 + 2 + 4 + 8 + 8 + 8 + 2 + 4 + 4;
  static constexpr std::int8_t version = 2;
  static constexpr std::size_t least_record = 7;  // seven fields of one byte
  static constexpr std::int16_t compression = 7;

  /// The fields before the records.
  struct prelude {
    std::int64_t base_offset, first_timestamp, last_timestamp, producer_id;
    std::int32_t length, leader_epoch, last_offset_delta, base_sequence, count;
    std::uint32_t crc;
    std::int16_t attributes, producer_epoch;
    std::int8_t version;
  };
  /// A sink of a decoder that drops everything.
  struct ignore {
    void on_record(std::int32_t, std::int64_t) noexcept {}
    void on_key(std::span<const std::byte>, std::int64_t) noexcept {}
    void on_value(std::span<const std::byte>, std::int64_t) noexcept {}
    void on_header(std::string_view, std::span<const std::byte>) noexcept {}
  };
  /// A sink of a decoder that fills a batch.
  struct filler {
    record_batch& batch;
    record* now = nullptr;
    void on_record(std::int32_t offset, std::int64_t timestamp) {
      now = &batch.add();
      now->offset_delta = offset;
      now->timestamp_delta = timestamp;
    }
    void on_key(std::span<const std::byte> bytes, std::int64_t length) {
      now->key.assign(bytes);
      now->key_is_null = length < 0;
    }
    void on_value(std::span<const std::byte> bytes, std::int64_t length) {
      now->value.assign(bytes);
      now->value_is_null = length < 0;
    }
    void on_header(std::string_view name, std::span<const std::byte> value) {
      now->headers.add(name, value);
    }
  };

  void clear_fields() noexcept {
    base_offset = 0;
    first_timestamp = 0;
    leader_epoch = -1;
    attributes = 0;
    producer_id = -1;
    producer_epoch = -1;
    base_sequence = -1;
    crc = 0;
  }

  /// True if `bytes` are in the key, the value or the headers of a record.
  [[nodiscard]] bool holds(std::span<const std::byte> bytes) const noexcept {
    const auto is_in = [&](std::span<const std::byte> own) {
      constexpr std::less<> before;  // std::less also orders pointers into different arrays
      return !own.empty() && !before(bytes.data(), own.data()) &&
             before(bytes.data(), own.data() + own.size());
    };
    for (const record& r : records()) {
      if (is_in(r.key.bytes()) || is_in(r.value.bytes())) return true;
      for (const auto h : r.headers)
        if (is_in(h.value) || is_in(std::as_bytes(std::span(h.name)))) return true;
    }
    return false;
  }

  /// The latest timestamp of all records, at least the first timestamp. Throws: `std::length_error`
  /// if it does not fit 64 bits.
  [[nodiscard]] std::int64_t last_timestamp() const {
    std::int64_t latest = 0;
    for (const record& r : records())
      latest = detail::max_of(latest, r.timestamp_delta);
    if (!has_timestamp(first_timestamp, latest)) {
      detail::throw_length("timestamp delta", latest, "must be at most",
                           latest_timestamp - first_timestamp);
    }
    return first_timestamp + latest;
  }
  static constexpr auto latest_timestamp = (std::numeric_limits<std::int64_t>::max)();
  /// True if the sum does not overflow. A negative delta is not tested: only the latest timestamp
  /// is written.
  [[nodiscard]] static bool has_timestamp(std::int64_t first, std::int64_t delta) noexcept {
    return delta <= 0 || first <= latest_timestamp - delta;
  }

  [[nodiscard]] static std::size_t bytes_size(std::size_t size) noexcept {
    return detail::zigzag_size(static_cast<std::int64_t>(size)) + size;
  }
  [[nodiscard]] static std::size_t body_size(const record& r) noexcept {
    std::size_t size = 1 + detail::zigzag_size(r.timestamp_delta) +
                       detail::zigzag_size(r.offset_delta) +
                       (r.key_is_null ? 1 : bytes_size(r.key.size())) +
                       (r.value_is_null ? 1 : bytes_size(r.value.size())) +
                       detail::zigzag_size(static_cast<std::int64_t>(r.headers.size()));
    for (const auto h : r.headers)
      size += bytes_size(h.name.size()) + bytes_size(h.value.size());
    return size;
  }

  template <class Writer>
  static void write_bytes(Writer& out, std::span<const std::byte> bytes) {
    out.append_zigzag(static_cast<std::int64_t>(bytes.size()));
    out.append(bytes);
  }

  /// Writes the bytes that the checksum covers.
  template <class Writer>
  void encode_summed(Writer& out) const {
    out.append_be(attributes);
    out.append_be(records().empty() ? std::int32_t{-1} : records().back().offset_delta);
    out.append_be(first_timestamp);
    out.append_be(last_timestamp());
    out.append_be(producer_id);
    out.append_be(producer_epoch);
    out.append_be(base_sequence);
    out.append_be(static_cast<std::int32_t>(records_.size()));
    for (const record& r : records()) {
      out.append_zigzag(static_cast<std::int64_t>(body_size(r)));
      out.append_be(std::int8_t{0});  // attributes: all undefined
      out.append_zigzag(r.timestamp_delta);
      out.append_zigzag(r.offset_delta);
      r.key_is_null ? out.append_zigzag(-1) : write_bytes(out, r.key.bytes());
      r.value_is_null ? out.append_zigzag(-1) : write_bytes(out, r.value.bytes());
      out.append_zigzag(static_cast<std::int64_t>(r.headers.size()));
      for (const auto h : r.headers) {
        write_bytes(out, std::as_bytes(std::span(h.name)));
        write_bytes(out, h.value);
      }
    }
  }

  [[nodiscard]] static bool read_prelude(detail::decoder& in, prelude& p,
                                         const decode_limits& limits) noexcept {
    if (!in.read_be(p.base_offset) || !in.read_be(p.length)) return false;
    constexpr std::size_t length_at = 8;
    constexpr std::int64_t least = fixed_bytes - prefix_bytes;
    if (!in.check_length(length_at, p.length, least, limits.batch_bytes)) return false;
    if (in.left() != static_cast<std::size_t>(p.length)) {
      return in.fail(decode_fault::trailing, length_at, in.left(), p.length);
    }
    const auto version_at = prefix_bytes + 4;
    if (!in.read_be(p.leader_epoch) || !in.read_be(p.version)) return false;
    if (p.version != version) {
      return in.fail(decode_fault::unsupported, version_at, p.version, version);
    }
    return in.read_be(p.crc);
  }

  [[nodiscard]] static bool matches(detail::decoder& in, const prelude& p) noexcept {
    detail::crc32c sum;
    sum.update(in.rest());
    return sum.value() == p.crc ||
           in.fail(decode_fault::checksum, in.offset() - sizeof p.crc, p.crc, sum.value());
  }

  [[nodiscard]] static bool read_fields(detail::decoder& in, prelude& p,
                                        const decode_limits& limits) noexcept {
    const auto attributes_at = in.offset();
    if (!in.read_be(p.attributes) || !in.read_be(p.last_offset_delta) ||
        !in.read_be(p.first_timestamp) || !in.read_be(p.last_timestamp) ||
        !in.read_be(p.producer_id) || !in.read_be(p.producer_epoch) ||
        !in.read_be(p.base_sequence)) {
      return false;
    }
    if ((p.attributes & compression) != 0) {
      return in.fail(decode_fault::unsupported, attributes_at, p.attributes, 0);
    }
    const auto count_at = in.offset();
    return in.read_be(p.count) &&
           in.check_length(count_at, p.count, 0, limits.records, least_record);
  }

  /// Passes all records to `sink`. It checks every length before it calls the sink.
  template <class Sink>
  [[nodiscard]] static bool read_records(detail::decoder& in, const prelude& p,
                                         const decode_limits& limits, Sink sink) {
    for (std::int32_t i = 0; i != p.count; ++i) {
      std::int64_t size = 0;
      std::int64_t timestamp = 0;
      std::int32_t offset = 0;
      std::int8_t attributes = 0;
      if (!in.read_length(size, least_record - 1, limits.batch_bytes)) return false;
      const auto end = in.narrow(static_cast<std::size_t>(size));
      if (!in.read_be(attributes)) return false;
      const auto timestamp_at = in.offset();
      if (!in.read_zigzag(timestamp)) return false;
      if (!has_timestamp(p.first_timestamp, timestamp)) {  // it could not be encoded again
        return in.fail(decode_fault::overflow, timestamp_at, timestamp,
                       latest_timestamp - p.first_timestamp);
      }
      if (!in.read_zigzag(offset)) return false;
      sink.on_record(offset, timestamp);
      std::int64_t length = 0;
      if (!in.read_length(length, -1, limits.key_bytes)) return false;
      sink.on_key(take(in, length), length);
      if (!in.read_length(length, -1, limits.value_bytes)) return false;
      sink.on_value(take(in, length), length);
      std::int64_t headers = 0;
      if (!in.read_length(headers, 0, limits.headers, 2)) return false;
      for (; headers != 0; --headers) {
        if (!in.read_length(length, 0, limits.header_bytes)) return false;
        const auto name = take(in, length);
        if (!in.read_length(length, -1, limits.header_bytes)) return false;
        sink.on_header({reinterpret_cast<const char*>(name.data()), name.size()}, take(in, length));
      }
      if (!in.widen(end)) return false;
    }
    return in.left() == 0 || in.fail(decode_fault::trailing, in.offset(), in.left(), 0);
  }
  [[nodiscard]] static std::span<const std::byte> take(detail::decoder& in,
                                                       std::int64_t length) noexcept {
    return in.take(length > 0 ? static_cast<std::size_t>(length) : 0);
  }

  /// Preconditions: `check` found no fault, and the batch is empty. If this finds a fault, because
  /// the bytes have changed since, the batch is empty again.
  [[nodiscard]] decode_result fill(std::span<const std::byte> bytes, const decode_limits& limits) {
    detail::decoder in(bytes);
    prelude p{};
    bool good = read_prelude(in, p, limits) && read_fields(in, p, limits);
    try {
      good = good && read_records(in, p, limits, filler{*this});
    } catch (...) {
      reset();
      throw;
    }
    if (!good) {
      reset();
      return in.result;
    }
    base_offset = p.base_offset;
    first_timestamp = p.first_timestamp;
    leader_epoch = p.leader_epoch;
    attributes = p.attributes;
    producer_id = p.producer_id;
    producer_epoch = p.producer_epoch;
    base_sequence = p.base_sequence;
    crc = p.crc;
    return {};
  }

  detail::record_list records_;
};

using record_batch_pool = message_pool<record_batch>;

}  // namespace tarn
