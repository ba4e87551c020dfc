// SPDX-License-Identifier: MIT
#include "arguments.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace pipeline {
namespace {

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

bool arguments::next() {
  if (next_ == all_.size()) return false;
  const std::string_view argument = all_[next_++];
  const auto equals = argument.starts_with("--") ? argument.find('=') : std::string_view::npos;
  name_ = argument.substr(0, equals);
  attached_.reset();
  if (equals != std::string_view::npos) attached_ = argument.substr(equals + 1);
  return true;
}

std::string_view arguments::value() {
  if (attached_) return *attached_;
  if (next_ == all_.size()) throw usage_error(std::string(name_) + " needs a value");
  return all_[next_++];
}

unsigned arguments::number(unsigned least, unsigned most) {
  const auto text = value();
  unsigned n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n < least || n > most) {
    throw usage_error(std::string(name_) + " is " + in_quotes(text) + ", must be a number from " +
                      std::to_string(least) + " to " + std::to_string(most));
  }
  return n;
}

std::string arguments::directory() { return existing_directory(name_, value()); }

std::size_t arguments::one_of(std::span<const std::string_view> names) {
  const auto text = value();
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) {
    throw usage_error(std::string(name_) + " is " + in_quotes(text) + ", must be one of " +
                      joined(names));
  }
  return static_cast<std::size_t>(found - names.begin());
}

bool arguments::flag() const {
  if (attached_) {
    throw usage_error(std::string(name_) + " takes no value, but got " + in_quotes(*attached_));
  }
  return true;
}

void arguments::unknown(std::string_view allowed) const {
  throw usage_error("unknown option " + in_quotes(all_[next_ - 1]) + ", must be one of " +
                    std::string(allowed));
}

std::string existing_directory(std::string_view option, std::string_view path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    throw usage_error(std::string(option) + " is " + in_quotes(path) + ", must be a directory" +
                      (error ? ": " + error.message() : ""));
  }
  return std::string(path);
}

std::string joined(std::span<const std::string_view> names) {
  std::string all;
  for (const auto name : names) {
    if (!all.empty()) all += ", ";
    all += name;
  }
  return all;
}

}  // namespace pipeline
