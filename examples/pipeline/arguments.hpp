// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pipeline {

/// An error in the command line: names the value and the allowed values.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Goes through a command line of `--name value`, `--name=value` and `--name`.
///
/// Throws: every member except `next` and `name` may throw a `usage_error`.
class arguments {
 public:
  explicit arguments(std::span<char* const> all) : all_(all) {}

  /// Steps to the next option. Returns: false at the end.
  [[nodiscard]] bool next();
  [[nodiscard]] std::string_view name() const { return name_; }
  /// The members below concern the option that `next` has stepped to.
  [[nodiscard]] std::string_view value();
  [[nodiscard]] unsigned number(unsigned least, unsigned most);
  [[nodiscard]] std::string directory();
  [[nodiscard]] std::size_t one_of(std::span<const std::string_view> names);
  /// Returns: true, if the option has no value.
  [[nodiscard]] bool flag() const;
  [[noreturn]] void unknown(std::string_view allowed) const;

 private:
  std::span<char* const> all_;
  std::size_t next_ = 0;
  std::string_view name_;
  std::optional<std::string_view> attached_;
};

/// Returns: `path`. Throws: `usage_error` naming `option` if there is no such directory.
[[nodiscard]] std::string existing_directory(std::string_view option, std::string_view path);
[[nodiscard]] std::string joined(std::span<const std::string_view> names);

}  // namespace pipeline
