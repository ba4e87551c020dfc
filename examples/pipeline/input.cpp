// SPDX-License-Identifier: MIT
#include "input.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace pipeline {

namespace fs = std::filesystem;

input::input(const fs::path& root)
    : text_(std::make_unique_for_overwrite<std::byte[]>(slice_bytes)) {
  // By hand and not by the recursive iterator, which ends at the first folder that it can't open.
  std::vector<fs::path> folders{root};
  while (!folders.empty()) {
    const fs::path folder = std::move(folders.back());
    folders.pop_back();
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code ignored;
      const auto type = entry->symlink_status(ignored).type();
      if (type == fs::file_type::directory) folders.push_back(entry->path());
      if (type != fs::file_type::regular) continue;
      files.push_back(entry->path().string());
      const auto bytes = entry->file_size(ignored);
      if (!ignored) expected_bytes += bytes;
    }
    if (error) skip(folder.string(), error.value());
  }
  std::sort(files.begin(), files.end());
}

void input::skip(const std::string& name, int error) {
  skipped.push_back({name, std::generic_category().message(error)});
}

std::vector<part> input::next_slice() {
  std::vector<part> parts;
  std::size_t used = std::exchange(kept_, 0);
  if (used != 0) std::memmove(text_.get(), kept_from_, used);
  std::size_t begin = 0;
  for (;;) {
    if (!open_) {
      if (next_file_ == files.size()) return parts;
      offset_ = 0;
      open_.reset(std::fopen(files[next_file_].c_str(), "rb"));
      if (!open_) {
        skip(files[next_file_++], errno);
        continue;
      }
      std::setvbuf(open_.get(), nullptr, _IONBF, 0);  // straight into the slice
    }
    errno = 0;
    used += std::fread(text_.get() + used, 1, slice_bytes - used, open_.get());
    const bool whole = used != slice_bytes;
    if (whole && std::ferror(open_.get()) != 0) {
      skip(files[next_file_++], errno);
      used = begin;  // the bytes of this file in this slice do not count
      open_.reset();
      continue;
    }
    if (whole || begin == 0) {
      if (used != begin) {
        parts.push_back({next_file_, offset_, text_.get() + begin, used - begin});
      }
      offset_ += used - begin;
      begin = used;
    } else {
      // The slice has no room for the whole file: the file starts the next slice.
      kept_from_ = text_.get() + begin;
      kept_ = used - begin;
    }
    if (!whole) return parts;
    open_.reset();
    ++next_file_;
    ++read;
  }
}

}  // namespace pipeline
