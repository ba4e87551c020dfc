// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "store.hpp"

namespace broker {

/// True if `text` is as `pattern` says: `*`, `?`, `[a-c]`, `[^a]`, and `\` before what is meant as
/// it is. Complexity: O(pattern * text), for each pattern.
[[nodiscard]] inline bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0;
  std::size_t after_star = std::string_view::npos, retry = 0;
  // Returns: where the pattern goes on if its next part takes `c`, else 0.
  const auto step = [&](char c) -> std::size_t {
    if (p == pattern.size()) return 0;
    if (pattern[p] == '?') return p + 1;
    if (pattern[p] == '\\' && p + 1 != pattern.size()) return pattern[p + 1] == c ? p + 2 : 0;
    if (pattern[p] != '[') return pattern[p] == c ? p + 1 : 0;
    auto at = p + 1;
    const bool negated = at != pattern.size() && pattern[at] == '^';
    bool found = false;
    for (at += negated; at < pattern.size() && pattern[at] != ']'; ++at) {
      if (pattern[at] == '\\' && at + 1 < pattern.size()) {
        found = found || pattern[++at] == c;
      } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
        const auto [low, high] = std::minmax(pattern[at], pattern[at + 2]);
        found = found || (low <= c && c <= high);
        at += 2;
      } else {
        found = found || pattern[at] == c;
      }
    }
    return found != negated ? std::min(at + 1, pattern.size()) : 0;
  };
  while (t != text.size()) {
    if (p != pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      retry = t;
    } else if (const auto next = step(text[t]); next != 0) {
      p = next;
      ++t;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p != pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

/// Who listens to which channels, and how a message comes to them.
///
/// `Client`: has `deliver(head, body)`, which takes two pieces of output and changes no
/// subscription. Thread safety: as an `int`.
template <class Memory, class Client>
class hub {
  using types = containers<Memory>;
  using shared_buffer = typename types::shared_buffer;
  using clients = std::vector<Client*, typename types::template allocator<Client*>>;
  using client_map = typename types::template map<clients>;

 public:
  explicit hub(Memory& m) : memory_(m), channels_(m.store), patterns_(m.store) {}

  void add(bool is_pattern, std::string_view name, Client& client) {
    auto& all = is_pattern ? patterns_ : channels_;
    auto at = all.find(name);
    if (at == all.end()) {
      at = all.try_emplace(typename types::text(name, memory_.store), memory_.store).first;
    }
    at->second.push_back(&client);
  }
  void remove(bool is_pattern, std::string_view name, Client& client) {
    auto& all = is_pattern ? patterns_ : channels_;
    const auto at = all.find(name);
    if (at == all.end()) return;
    std::erase(at->second, &client);
    if (at->second.empty()) all.erase(at);
  }

  /// The message is written once, into one block; all subscribers send these bytes. A subscriber by
  /// a pattern gets a head of its pattern, and the same body.
  /// Returns: the number of subscribers that it went to.
  std::size_t publish(std::string_view channel, std::string_view message) {
    std::size_t count = 0;
    shared_buffer frame;
    std::size_t body_size = 0;
    const auto make_frame = [&] {
      if (!frame.empty()) return;
      const auto body = bulk_head(message.size());
      frame = joined({"*3\r\n$7\r\nmessage\r\n", bulk_head(channel.size()), channel, "\r\n", body,
                      message, "\r\n"});
      body_size = body.size() + message.size() + 2;
    };
    if (const auto at = channels_.find(channel); at != channels_.end()) {
      make_frame();
      for (auto* const client : at->second)
        client->deliver(frame, {});
      count += at->second.size();
    }
    for (const auto& [pattern, subscribers] : patterns_) {
      if (!matches(pattern, channel)) continue;
      make_frame();
      const auto head = joined({"*4\r\n$8\r\npmessage\r\n", bulk_head(pattern.size()), pattern,
                                "\r\n", bulk_head(channel.size()), channel, "\r\n"});
      const auto body = frame.slice(frame.size() - body_size);
      for (auto* const client : subscribers)
        client->deliver(head, body);
      count += subscribers.size();
    }
    return count;
  }

 private:
  [[nodiscard]] static std::string bulk_head(std::size_t size) {
    return std::to_string(size).insert(0, 1, '$').append("\r\n");
  }
  [[nodiscard]] shared_buffer joined(std::initializer_list<std::string_view> parts) {
    std::size_t size = 0;
    for (const auto part : parts)
      size += part.size();
    auto made = memory_.messages.get_shared(size);
    auto* to = reinterpret_cast<char*>(made.make_unique().data());
    for (const auto part : parts)
      to = std::copy(part.begin(), part.end(), to);
    return made;
  }

  Memory& memory_;
  client_map channels_;
  client_map patterns_;
};

}  // namespace broker
