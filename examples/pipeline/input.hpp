// SPDX-License-Identifier: MIT
//
// The files, in slices that fit into memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace pipeline {

/// A file, or the part of it that fits into one slice.
struct part {
  std::size_t file;      ///< into input::files
  std::uint64_t offset;  ///< of this part in the file
  const std::byte* data;
  std::size_t size;
};

struct skipped_file {
  std::string name;
  std::string reason;
};

/// Every regular file below a directory, links not followed, in order of their names.
class input {
 public:
  /// All text in memory at once: large enough that a slice keeps all threads busy for a while.
  static constexpr std::size_t slice_bytes = std::size_t{64} << 20;

  explicit input(const std::filesystem::path& root);

  /// Reads the next slice; the previous slice is then invalid. Returns: empty at the end.
  [[nodiscard]] std::vector<part> next_slice();

  std::vector<std::string> files;
  std::vector<skipped_file> skipped;  ///< files and folders
  std::size_t read = 0;               ///< files that were read to their end
  std::uint64_t expected_bytes = 0;   ///< as the directory says; only for the progress

 private:
  struct closer {
    void operator()(std::FILE* f) const noexcept { std::fclose(f); }
  };
  void skip(const std::string& name, int error);

  std::unique_ptr<std::byte[]> text_;
  std::size_t next_file_ = 0;
  // A file whose rest had no room in the last slice: bytes [0, kept_) of text_ are its next ones.
  std::unique_ptr<std::FILE, closer> open_;
  std::uint64_t offset_ = 0;
  const std::byte* kept_from_ = nullptr;
  std::size_t kept_ = 0;
};

}  // namespace pipeline
