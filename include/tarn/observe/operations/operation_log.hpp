// SPDX-License-Identifier: MIT
//
// operation_log: the gets and puts of a pool, for a replay on another pool.
//
//   const tarn::operation_log log = recorder.log();       // see operation_recorder.hpp
//   log.save(std::ostreambuf_iterator<char>(file));
//   const auto later = tarn::operation_log::load(std::istreambuf_iterator<char>(file), {});

#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/writing/crc32c.hpp>
#include <tarn/observe/operations/operation_codec.hpp>
#include <tarn/observe/operations/weighted_size.hpp>

namespace tarn {

namespace detail {

/// The numbers of operations that a log does not have, by reason.
struct log_gaps {
  std::uint64_t dropped = 0;
  std::uint64_t unseen_puts = 0;
  std::uint64_t unheard_puts = 0;

  friend bool operator==(const log_gaps&, const log_gaps&) = default;
};

}  // namespace detail

/// A log of gets and puts in the order in which they were recorded: a value.
///
/// It takes two to five bytes per operation: varints, each the difference to the operation before.
/// Thread safety: as a `std::vector`.
class operation_log {
 public:
  /// The format that `save` writes, and the only one that `load` reads.
  static constexpr unsigned version = 2;

  operation_log() = default;

  [[nodiscard]] std::size_t operations() const noexcept { return operations_; }
  [[nodiscard]] std::size_t gets() const noexcept { return gets_; }
  [[nodiscard]] std::uint32_t threads() const noexcept { return threads_; }
  /// The number of bytes of the encoded operations.
  [[nodiscard]] std::size_t size_bytes() const noexcept { return bytes_.size(); }
  /// The number of operations after the recorder was full. They follow the last one in the log.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return gaps_.dropped; }
  /// The number of puts of blocks whose get was before the recording. They are not in the log.
  [[nodiscard]] std::uint64_t unseen_puts() const noexcept { return gaps_.unseen_puts; }
  /// The number of puts that were not reported: their blocks were handed out again. In the log each
  /// stands right before the next get of its block, on the thread of that get.
  [[nodiscard]] std::uint64_t unheard_puts() const noexcept { return gaps_.unheard_puts; }

  /// Returns: all operations, oldest first.
  [[nodiscard]] std::vector<logged_operation> all() const {
    std::vector<logged_operation> made;
    made.reserve(operations_);
    for_each([&](const logged_operation& o) { made.push_back(o); });
    return made;
  }
  /// Calls `action(operation)` for each operation, oldest first.
  template <class Action>
  void for_each(Action&& action) const {
    for (detail::operation_decoder from(bytes_); !from.at_end();)
      action(static_cast<const logged_operation&>(from.next()));
  }
  /// The requested sizes, ascending, with their numbers. `advise` computes exact costs from them.
  [[nodiscard]] std::vector<weighted_size> sizes() const {
    std::vector<weighted_size> made;
    made.reserve(gets_);
    for_each([&](const logged_operation& o) {
      if (o.is_get) made.push_back({o.size, 1});
    });
    std::sort(made.begin(), made.end(),
              [](const auto& a, const auto& b) { return a.size < b.size; });
    std::size_t count = 0;
    for (const auto& one : made) {
      if (count != 0 && made[count - 1].size == one.size) {
        ++made[count - 1].weight;
      } else {
        made[count++] = one;
      }
    }
    made.resize(count);
    return made;
  }

  /// The log as bytes that `load` reads on any machine: a mark, the version, the counts of
  /// contained and missing operations, the operations, and a checksum (CRC-32C) of all these.
  [[nodiscard]] std::vector<std::byte> save() const {
    std::vector<std::byte> out(std::begin(mark), std::end(mark));
    for (const std::uint64_t number :
         {std::uint64_t{operations_}, gaps_.dropped, gaps_.unseen_puts, gaps_.unheard_puts}) {
      std::byte coded[detail::varint::max_bytes];
      const auto size = detail::operation_encoder::put(number, coded);
      out.insert(out.end(), coded, coded + size);
    }
    out.insert(out.end(), bytes_.begin(), bytes_.end());
    const auto sum = detail::wire_bytes<std::endian::little, std::uint32_t>(checksum_of(out));
    out.insert(out.end(), std::begin(sum.bytes), std::end(sum.bytes));
    return out;
  }
  /// As `save`, to an iterator over bytes or chars. Returns: the iterator behind the last of them.
  template <class Out>
    requires(std::output_iterator<Out, std::byte> || std::output_iterator<Out, char>)
  Out save(Out to) const {
    for (const auto byte : save()) {
      if constexpr (std::output_iterator<Out, std::byte>) {
        *to++ = byte;
      } else {
        *to++ = static_cast<char>(byte);
      }
    }
    return to;
  }

  /// Reads a log from saved bytes.
  ///
  /// Throws: `std::invalid_argument`, with place and reason, if the bytes are not a valid log: cut
  ///   off, changed, of another version, or with a put of a block that is not live;
  ///   `std::bad_alloc`.
  [[nodiscard]] static operation_log load(std::span<const std::byte> saved) {
    using decoder = detail::operation_decoder;
    for (std::size_t i = 0; i != sizeof mark; ++i) {
      if (i == saved.size()) decoder::refuse(i, "is cut off");
      if (saved[i] == mark[i]) continue;
      if (i + 1 != sizeof mark) decoder::refuse(i, "does not begin as a log does");
      decoder::refuse(i, "has version " + std::to_string(std::to_integer<unsigned>(saved[i])) +
                             ", only " + std::to_string(version) + " is known");
    }
    if (saved.size() < sizeof mark + sum_bytes) decoder::refuse(saved.size(), "is cut off");
    const auto end = saved.size() - sum_bytes;
    const detail::wire_bytes<std::endian::little, std::uint32_t> sum(checksum_of(saved.first(end)));
    if (!std::equal(saved.begin() + static_cast<std::ptrdiff_t>(end), saved.end(), sum.bytes)) {
      decoder::refuse(end, "is the checksum of other bytes: changed or cut off");
    }

    decoder from(saved.subspan(sizeof mark, end - sizeof mark), sizeof mark);
    operation_log made;
    const auto claimed = from.number();
    made.gaps_ = {from.number(), from.number(), from.number()};
    const auto begin = from.offset();
    decoder each(saved.subspan(begin, end - begin), begin);
    for (; !each.at_end(); ++made.operations_)
      static_cast<void>(each.next());
    if (claimed != made.operations_) {
      decoder::refuse(sizeof mark, "promises " + std::to_string(claimed) + " operations, but has " +
                                       std::to_string(made.operations_));
    }
    made.gets_ = detail::cast_to<std::size_t>(each.gets());
    made.threads_ = each.threads();
    made.bytes_.assign(saved.begin() + static_cast<std::ptrdiff_t>(begin),
                       saved.begin() + static_cast<std::ptrdiff_t>(end));
    return made;
  }
  /// Reads a log from iterators over bytes or chars. Throws: as `load` of a span.
  template <std::input_iterator In>
    requires(sizeof(std::iter_value_t<In>) == 1)
  [[nodiscard]] static operation_log load(In first, In last) {
    std::vector<std::byte> saved;
    for (; first != last; ++first)
      saved.push_back(static_cast<std::byte>(*first));
    return load(saved);
  }

  friend bool operator==(const operation_log&, const operation_log&) = default;

 private:
  friend class operation_recorder;

  static constexpr std::byte mark[8] = {std::byte{'t'}, std::byte{'a'},    std::byte{'r'},
                                        std::byte{'n'}, std::byte{'l'},    std::byte{'o'},
                                        std::byte{'g'}, std::byte{version}};
  static constexpr std::size_t sum_bytes = 4;

  [[nodiscard]] static std::uint32_t checksum_of(std::span<const std::byte> bytes) noexcept {
    detail::crc32c sum;
    sum.update(bytes);
    return sum.value();
  }

  std::vector<std::byte> bytes_;
  std::size_t operations_ = 0;
  std::size_t gets_ = 0;
  std::uint32_t threads_ = 0;
  detail::log_gaps gaps_;
};

}  // namespace tarn
