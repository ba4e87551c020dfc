// SPDX-License-Identifier: MIT
//
// The same on plain new: what a program without a pool does.

#include <memory>

#include "subject.hpp"

namespace pipeline {
namespace {

class bytes {
 public:
  explicit bytes(std::size_t size)
      : data_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}

  [[nodiscard]] std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_;
};

class plain final : public subject {
 public:
  result run(const work& job, const watcher& watch) override {
    return pipeline::run<bytes>(
        job, [](std::size_t size) { return bytes(size); }, watch);
  }
};

}  // namespace

std::unique_ptr<subject> make_plain() { return std::make_unique<plain>(); }

}  // namespace pipeline
