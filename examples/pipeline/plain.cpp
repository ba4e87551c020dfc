// SPDX-License-Identifier: MIT
//
// The same work with plain new, as in a program without a pool.

#include <memory>
#include <string>

#include "subject.hpp"

namespace pipeline {
namespace {

class bytes {
 public:
  bytes() = default;
  explicit bytes(std::size_t size)
      : data_(std::make_shared_for_overwrite<std::byte[]>(size)), size_(size) {}

  [[nodiscard]] std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::shared_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
};

struct message {
  std::uint64_t id = 0;
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  bytes value;
  std::uint32_t checksum = 0;
  progress_of_record progress;
};

/// The writer of this side: std::string instead of fast_buffer.
class string_writer {
 public:
  void clear() noexcept { text_.clear(); }
  void append_varint(std::uint64_t n) {
    for (; n >= 128; n >>= 7)
      text_.push_back(static_cast<char>(n | 128));
    text_.push_back(static_cast<char>(n));
  }
  void append_be(std::uint64_t n) {
    char digits[8];
    for (int i = 8; i-- != 0; n >>= 8)
      digits[i] = static_cast<char>(n);
    text_.append(digits, 8);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::as_bytes(std::span(text_));
  }

 private:
  std::string text_;
};

class plain final : public subject {
 public:
  using unique = std::shared_ptr<message>;
  using shared = std::shared_ptr<const message>;
  using writer = string_writer;

  [[nodiscard]] static unique take(std::size_t size) {
    auto m = std::make_shared<message>();
    m->value = pipeline::bytes(size);
    return m;
  }
  [[nodiscard]] static std::byte* bytes(const unique& m) noexcept { return m->value.data(); }
  static void share(unique&& m, std::array<shared, 2>& to) {
    to[0] = m;
    to[1] = std::move(m);
  }

  result run(const work& job, const observer& watch) override {
    return pipeline::run(job, *this, watch);
  }
};

}  // namespace

std::unique_ptr<subject> make_plain() { return std::make_unique<plain>(); }

}  // namespace pipeline
