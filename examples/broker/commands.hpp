// SPDX-License-Identifier: MIT
//
// The commands: what each does, and the table of their names.

#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "client.hpp"
#include "request_parser.hpp"

namespace broker {

[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] inline int compare_names(std::string_view a, std::string_view b) noexcept {
  for (std::size_t i = 0; i != a.size() && i != b.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return lower(a[i]) < lower(b[i]) ? -1 : 1;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}
[[nodiscard]] inline bool is_name(std::string_view a, std::string_view b) noexcept {
  return compare_names(a, b) == 0;
}

/// Executes one request. `Arguments`: `count()` texts by `operator[]`.
///
/// Thread safety: as the state.
template <class Memory, class Arguments>
class commands {
  using state_type = shared_state<Memory>;
  using client_type = client<Memory>;
  using store_type = store<Memory>;
  using string = typename store_type::string;
  using list = typename store_type::list;
  using hash = typename store_type::hash;
  using set = typename store_type::set;
  using value = typename store_type::value;

 public:
  commands(state_type& s, client_type& c, const Arguments& a)
      : state_(s), keys_(s.keys), client_(c), out_(c.out), args_(a) {}

  /// Preconditions: there is an argument, the name.
  void execute() {
    ++state_.commands;
    const auto name = args_[0];
    const auto at = std::lower_bound(
        table.begin(), table.end(), name,
        [](const command& c, std::string_view n) { return compare_names(c.name, n) < 0; });
    if (at == table.end() || !is_name(at->name, name)) return unknown();
    const auto count = static_cast<int>(args_.count());
    if (at->arity > 0 ? count != at->arity : count < -at->arity) return wrong_count(at->name);
    if (client_.subscriptions() != 0 && out_.version == 2 && !at->while_subscribed) {
      return out_.error("ERR Can't execute '" + std::string(at->name) +
                        "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                        "allowed in this context");
    }
    (this->*at->run)();
  }

 private:
  struct command {
    std::string_view name;
    int arity;  // with the name; negative: at least
    void (commands::*run)();
    bool while_subscribed = false;
  };

  // Errors.

  void unknown() {
    std::string text = "ERR unknown command '" + std::string(args_[0].substr(0, 128)) +
                       "', with args beginning with: ";
    for (std::size_t i = 1; i != args_.count() && text.size() < 128; ++i) {
      text += '\'';
      text += args_[i].substr(0, 128);
      text += "' ";
    }
    // An error is one line.
    for (char& c : text)
      if (c == '\r' || c == '\n') c = ' ';
    out_.error(text);
  }
  void wrong_count(std::string_view name) {
    out_.error("ERR wrong number of arguments for '" + std::string(name) + "' command");
  }
  void wrong_type() {
    out_.error("WRONGTYPE Operation against a key holding the wrong kind of value");
  }
  void syntax_error() { out_.error("ERR syntax error"); }
  void no_integer() { out_.error("ERR value is not an integer or out of range"); }

  // Values.

  /// A value of one type. `failed`: the key has another one, and the client was told.
  template <class T>
  struct found {
    value* held = nullptr;
    bool failed = false;
    [[nodiscard]] explicit operator bool() const noexcept { return held != nullptr; }
    [[nodiscard]] T& operator*() const { return std::get<T>(held->data); }
    [[nodiscard]] T* operator->() const { return &std::get<T>(held->data); }
  };
  template <class T>
  [[nodiscard]] found<T> find(std::string_view key) {
    auto* const held = keys_.find(key);
    if (held == nullptr || std::holds_alternative<T>(held->data)) return {held};
    wrong_type();
    return {nullptr, true};
  }
  template <class T>
  [[nodiscard]] found<T> find_or_add(std::string_view key) {
    auto at = find<T>(key);
    if (!at && !at.failed) at.held = &keys_.template add<T>(key);
    return at;
  }
  template <class T>
  void erase_if_empty(const found<T>& at) {
    if (at->empty()) keys_.erase(args_[1]);
  }
  /// The part from `first` to `last`, both from the end if negative. Returns: begin and end.
  [[nodiscard]] static std::pair<std::size_t, std::size_t> part_of(std::size_t size,
                                                                   std::int64_t first,
                                                                   std::int64_t last) {
    const auto all = static_cast<std::int64_t>(size);
    if (first < 0) first = std::max<std::int64_t>(first + all, 0);
    if (last < 0) last += all;
    last = std::min(last, all - 1);
    if (first > last) return {0, 0};
    return {static_cast<std::size_t>(first), static_cast<std::size_t>(last) + 1};
  }

  // Strings.

  void get() {
    const auto at = find<string>(args_[1]);
    if (at.failed) return;
    if (at)
      out_.bulk(*at);
    else
      out_.null();
  }
  void set_string() {
    bool only_new = false, only_old = false;
    std::optional<std::int64_t> ends;
    for (std::size_t i = 3; i != args_.count(); ++i) {
      const bool in_seconds = is_name(args_[i], "EX");
      if (is_name(args_[i], "NX") && !only_old) {
        only_new = true;
      } else if (is_name(args_[i], "XX") && !only_new) {
        only_old = true;
      } else if ((in_seconds || is_name(args_[i], "PX")) && !ends && i + 1 != args_.count()) {
        ends = whole_number(args_[++i]);
        if (!ends) return no_integer();
        ends = end_after(*ends, in_seconds ? 1000 : 1);
        if (*ends <= 0) return out_.error("ERR invalid expire time in 'set' command");
      } else {
        return syntax_error();
      }
    }
    if ((only_new || only_old) && (keys_.find(args_[1]) != nullptr) != only_old) return out_.null();
    keys_.set_data(args_[1], keys_.copy(args_[2]), ends.value_or(0));
    out_.simple("OK");
  }
  /// Returns: when it ends; 0 if `n` is not positive, or too large for the clock of redis-server.
  [[nodiscard]] static std::int64_t end_after(std::int64_t n, std::int64_t unit) {
    const auto wall = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
    if (n <= 0 || n > (std::numeric_limits<std::int64_t>::max() - wall) / unit) return 0;
    const auto wait = n * unit;
    const auto now = store_type::now();
    return wait > std::numeric_limits<std::int64_t>::max() - now
               ? std::numeric_limits<std::int64_t>::max()
               : now + wait;
  }
  void mset() {
    if (args_.count() % 2 == 0) return wrong_count("mset");
    for (std::size_t i = 1; i != args_.count(); i += 2)
      keys_.set_data(args_[i], keys_.copy(args_[i + 1]), 0);
    out_.simple("OK");
  }
  void mget() {
    out_.array(args_.count() - 1);
    for (std::size_t i = 1; i != args_.count(); ++i) {
      const auto* const at = keys_.find(args_[i]);
      const auto* const text = at != nullptr ? std::get_if<string>(&at->data) : nullptr;
      if (text != nullptr)
        out_.bulk(*text);
      else
        out_.null();
    }
  }
  void incr() {
    const auto at = find<string>(args_[1]);
    if (at.failed) return;
    const auto n = at ? whole_number(at->view()) : 0;
    if (!n) return no_integer();
    if (*n == std::numeric_limits<std::int64_t>::max()) {
      return out_.error("ERR increment or decrement would overflow");
    }
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, *n + 1).ptr;
    auto next = keys_.copy({text, static_cast<std::size_t>(end - text)});
    if (at)
      *at = std::move(next);
    else
      keys_.set_data(args_[1], std::move(next), 0);
    out_.integer(*n + 1);
  }
  /// Appends within the block of the value while it has room. A value that is being sent to a
  /// client is copied first.
  void append() {
    const auto at = find<string>(args_[1]);
    if (at.failed) return;
    if (!at) {
      keys_.set_data(args_[1], keys_.copy(args_[2]), 0);
      return out_.integer(static_cast<std::int64_t>(args_[2].size()));
    }
    if (at->size() + args_[2].size() > static_cast<std::size_t>(Arguments::most_bulk_bytes)) {
      return out_.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    }
    if (!args_[2].empty()) {
      auto writer = Memory::make_writer(state_.memory.store, std::size_t{1} << 30);
      if (!writer.try_attach(std::move(*at))) writer.append(at->view());
      writer.append(args_[2]);
      *at = writer.detach_shared();
    }
    out_.integer(static_cast<std::int64_t>(at->size()));
  }
  void getrange() {
    const auto first = whole_number(args_[2]), last = whole_number(args_[3]);
    if (!first || !last) return no_integer();
    const auto at = find<string>(args_[1]);
    if (at.failed) return;
    if (!at) return out_.bulk(std::string_view());
    auto to = *last;
    // As redis-server: a range that ends before the begin is its first byte, if it begins there.
    if (*first < 0 && to < 0 && *first > to) return out_.bulk(std::string_view());
    if (to < 0) to = std::max<std::int64_t>(to + static_cast<std::int64_t>(at->size()), 0);
    const auto [begin, end] = part_of(at->size(), *first, to);
    if (begin == end) return out_.bulk(std::string_view());
    if (end - begin < reply<Memory>::shared_from) {
      return out_.bulk(at->view().substr(begin, end - begin));
    }
    auto part = at->slice(begin, end - begin);
    out_.bulk(part);
  }
  void strlen() {
    const auto at = find<string>(args_[1]);
    if (!at.failed) out_.integer(at ? static_cast<std::int64_t>(at->size()) : 0);
  }

  // Lists, hashes and sets.

  void push(bool in_front) {
    const auto at = find_or_add<list>(args_[1]);
    if (at.failed) return;
    for (std::size_t i = 2; i != args_.count(); ++i) {
      if (in_front)
        at->push_front(keys_.copy(args_[i]));
      else
        at->push_back(keys_.copy(args_[i]));
    }
    out_.integer(static_cast<std::int64_t>(at->size()));
  }
  void lpush() { push(true); }
  void rpush() { push(false); }
  /// Reads the count that may follow a key. Returns: false if it is not a count; the
  /// client was told then.
  [[nodiscard]] bool read_count(std::optional<std::int64_t>& count) {
    if (args_.count() < 3) return true;
    count = whole_number(args_[2]);
    if (count && *count >= 0) return true;
    out_.error("ERR value is out of range, must be positive");
    return false;
  }
  void pop(bool in_front, std::string_view name) {
    if (args_.count() > 3) return wrong_count(name);
    std::optional<std::int64_t> count;
    if (!read_count(count)) return;
    const auto at = find<list>(args_[1]);
    if (at.failed) return;
    if (!at) return count ? out_.null_array() : out_.null();
    auto left = std::min(static_cast<std::size_t>(count.value_or(1)), at->size());
    if (count) out_.array(left);
    for (; left != 0; --left) {
      out_.bulk(in_front ? at->front() : at->back());
      if (in_front)
        at->pop_front();
      else
        at->pop_back();
    }
    erase_if_empty(at);
  }
  void lpop() { pop(true, "lpop"); }
  void rpop() { pop(false, "rpop"); }
  void lrange() {
    const auto first = whole_number(args_[2]), last = whole_number(args_[3]);
    if (!first || !last) return no_integer();
    const auto at = find<list>(args_[1]);
    if (at.failed) return;
    if (!at) return out_.array(0);
    const auto [begin, end] = part_of(at->size(), *first, *last);
    out_.array(end - begin);
    for (auto i = begin; i != end; ++i)
      out_.bulk((*at)[i]);
  }
  void llen() {
    const auto at = find<list>(args_[1]);
    if (!at.failed) out_.integer(at ? static_cast<std::int64_t>(at->size()) : 0);
  }
  void hset() {
    if (args_.count() % 2 != 0) return wrong_count("hset");
    const auto at = find_or_add<hash>(args_[1]);
    if (at.failed) return;
    std::int64_t added = 0;
    for (std::size_t i = 2; i != args_.count(); i += 2) {
      auto text = keys_.copy(args_[i + 1]);
      if (const auto field = at->find(args_[i]); field != at->end()) {
        field->second = std::move(text);
      } else {
        at->try_emplace(own(args_[i]), std::move(text));
        ++added;
      }
    }
    out_.integer(added);
  }
  void hget() {
    const auto at = find<hash>(args_[1]);
    if (at.failed) return;
    if (!at) return out_.null();
    const auto field = at->find(args_[2]);
    if (field == at->end()) return out_.null();
    out_.bulk(field->second);
  }
  void hgetall() {
    const auto at = find<hash>(args_[1]);
    if (at.failed) return;
    out_.map(at ? at->size() : 0);
    if (!at) return;
    for (const auto& [field, text] : *at) {
      out_.bulk(std::string_view(field));
      out_.bulk(text);
    }
  }
  void sadd() {
    const auto at = find_or_add<set>(args_[1]);
    if (at.failed) return;
    std::int64_t added = 0;
    for (std::size_t i = 2; i != args_.count(); ++i) {
      if (at->find(args_[i]) != at->end()) continue;
      at->insert(own(args_[i]));
      ++added;
    }
    out_.integer(added);
  }
  /// Any member will do. The first one that the table has costs O(1).
  void spop() {
    if (args_.count() > 3) return syntax_error();
    std::optional<std::int64_t> count;
    if (!read_count(count)) return;
    const auto at = find<set>(args_[1]);
    if (at.failed) return;
    if (!at) return count ? out_.set(0) : out_.null();
    auto left = std::min(static_cast<std::size_t>(count.value_or(1)), at->size());
    if (count) out_.set(left);
    for (; left != 0; --left) {
      out_.bulk(std::string_view(*at->begin()));
      at->erase(at->begin());
    }
    erase_if_empty(at);
  }
  [[nodiscard]] typename store_type::text own(std::string_view text) {
    return typename store_type::text(text, state_.memory.store);
  }

  // Keys.

  void del() {
    std::int64_t count = 0;
    for (std::size_t i = 1; i != args_.count(); ++i)
      count += keys_.erase(args_[i]);
    out_.integer(count);
  }
  void exists() {
    std::int64_t count = 0;
    for (std::size_t i = 1; i != args_.count(); ++i)
      count += keys_.find(args_[i]) != nullptr;
    out_.integer(count);
  }
  void expire() {
    const auto seconds = whole_number(args_[2]);
    if (!seconds) return no_integer();
    if (args_.count() > 3) {
      return out_.error("ERR Unsupported option " + std::string(args_[3]));
    }
    const auto ends = end_after(*seconds, 1000);
    constexpr auto least = std::numeric_limits<std::int64_t>::min() / 1000;
    if (*seconds < least || (*seconds > 0 && ends == 0)) {
      return out_.error("ERR invalid expire time in 'expire' command");
    }
    auto* const at = keys_.find(args_[1]);
    if (at != nullptr && *seconds <= 0)
      keys_.erase(args_[1]);
    else if (at != nullptr)
      at->ends = ends;
    out_.integer(at != nullptr);
  }
  void ttl() {
    const auto* const at = keys_.find(args_[1]);
    if (at == nullptr) return out_.integer(-2);
    if (at->ends == 0) return out_.integer(-1);
    out_.integer((at->ends - store_type::now() + 500) / 1000);
  }
  void dbsize() { out_.integer(static_cast<std::int64_t>(keys_.size())); }
  void flushall() {
    if (args_.count() > 2 ||
        (args_.count() == 2 && !is_name(args_[1], "SYNC") && !is_name(args_[1], "ASYNC"))) {
      return syntax_error();
    }
    keys_.clear();
    out_.simple("OK");
  }

  // Messages.

  void publish() {
    out_.integer(static_cast<std::int64_t>(state_.subscribers.publish(args_[1], args_[2])));
  }
  void subscribe_to(bool is_pattern, std::string_view kind) {
    auto& mine = is_pattern ? client_.patterns : client_.channels;
    for (std::size_t i = 1; i != args_.count(); ++i) {
      if (mine.find(args_[i]) == mine.end()) {
        state_.subscribers.add(is_pattern, args_[i], client_);
        mine.insert(own(args_[i]));
      }
      tell(kind, args_[i]);
    }
  }
  void unsubscribe_from(bool is_pattern, std::string_view kind) {
    auto& mine = is_pattern ? client_.patterns : client_.channels;
    if (args_.count() == 1 && mine.empty()) {
      out_.push(3);
      out_.bulk(kind);
      out_.null();
      return out_.integer(static_cast<std::int64_t>(client_.subscriptions()));
    }
    for (std::size_t i = 1; i < args_.count(); ++i) {
      if (const auto at = mine.find(args_[i]); at != mine.end()) {
        state_.subscribers.remove(is_pattern, args_[i], client_);
        mine.erase(at);
      }
      tell(kind, args_[i]);
    }
    while (args_.count() == 1 && !mine.empty()) {
      const auto name = std::move(mine.extract(mine.begin()).value());
      state_.subscribers.remove(is_pattern, name, client_);
      tell(kind, name);
    }
  }
  void tell(std::string_view kind, std::string_view name) {
    out_.push(3);
    out_.bulk(kind);
    out_.bulk(name);
    out_.integer(static_cast<std::int64_t>(client_.subscriptions()));
  }
  void subscribe() { subscribe_to(false, "subscribe"); }
  void psubscribe() { subscribe_to(true, "psubscribe"); }
  void unsubscribe() { unsubscribe_from(false, "unsubscribe"); }
  void punsubscribe() { unsubscribe_from(true, "punsubscribe"); }

  // Connection and server.

  void ping() {
    if (args_.count() > 2) return wrong_count("ping");
    if (client_.subscriptions() != 0 && out_.version == 2) {
      out_.array(2);
      out_.bulk(std::string_view("pong"));
      return out_.bulk(args_.count() == 2 ? args_[1] : std::string_view());
    }
    if (args_.count() == 2)
      out_.bulk(args_[1]);
    else
      out_.simple("PONG");
  }
  void echo() { out_.bulk(args_[1]); }
  void hello() {
    if (args_.count() > 1) {
      const auto version = whole_number(args_[1]);
      if (!version) {
        return out_.error("ERR Protocol version is not an integer or out of range");
      }
      if (*version != 2 && *version != 3) {
        return out_.error("NOPROTO unsupported protocol version");
      }
      auto name = client_.name;
      for (std::size_t i = 2; i != args_.count(); i += 2) {
        if (!is_name(args_[i], "SETNAME") || i + 1 == args_.count()) {
          return out_.error("ERR Syntax error in HELLO option '" + std::string(args_[i]) + "'");
        }
        name.assign(args_[i + 1]);
      }
      client_.name.assign(name);
      out_.version = static_cast<int>(*version);
    }
    out_.map(7);
    const auto pair = [&](std::string_view key, std::string_view text) {
      out_.bulk(key);
      out_.bulk(text);
    };
    pair("server", "tarn-broker");
    pair("version", "7.0.0");  // of the protocol's commands, which clients look at
    out_.bulk(std::string_view("proto"));
    out_.integer(out_.version);
    out_.bulk(std::string_view("id"));
    out_.integer(client_.id);
    pair("mode", "standalone");
    pair("role", "master");
    out_.bulk(std::string_view("modules"));
    out_.array(0);
  }
  void client_command() {
    const auto what = args_[1];
    if (is_name(what, "SETNAME") && args_.count() == 3) {
      const auto is_bad = [](char c) { return c < '!' || c > '~'; };
      if (std::any_of(args_[2].begin(), args_[2].end(), is_bad)) {
        return out_.error(
            "ERR Client names cannot contain spaces, newlines or special characters.");
      }
      client_.name.assign(args_[2]);
      out_.simple("OK");
    } else if (is_name(what, "GETNAME") && args_.count() == 2) {
      if (client_.name.empty())
        out_.null();
      else
        out_.bulk(std::string_view(client_.name));
    } else if (is_name(what, "ID") && args_.count() == 2) {
      out_.integer(client_.id);
    } else {
      unknown_part("CLIENT");
    }
  }
  void unknown_part(std::string_view name) {
    out_.error("ERR unknown subcommand '" + std::string(args_[1].substr(0, 128)) + "'. Try " +
               std::string(name) + " HELP.");
  }
  void config() {
    if (!is_name(args_[1], "GET") || args_.count() < 3) return unknown_part("CONFIG");
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> all{
        {{"appendonly", "no"},
         {"databases", "1"},
         {"proto-max-bulk-len", "536870912"},
         {"save", ""}}};
    const auto wanted = [&](std::string_view name) {
      for (std::size_t i = 2; i != args_.count(); ++i)
        if (matches(args_[i], name)) return true;
      return false;
    };
    std::size_t count = 0;
    for (const auto& each : all)
      count += wanted(each.first);
    out_.map(count);
    for (const auto& [name, text] : all) {
      if (!wanted(name)) continue;
      out_.bulk(name);
      out_.bulk(text);
    }
  }
  void command_command() {
    if (args_.count() > 1 && is_name(args_[1], "COUNT")) {
      return out_.integer(static_cast<std::int64_t>(table.size()));
    }
    if (args_.count() > 1) return out_.map(0);  // no documents
    out_.array(table.size());
    for (const auto& c : table) {
      out_.array(6);
      out_.bulk(c.name);
      out_.integer(c.arity);
      out_.array(0);
      for (int i = 0; i != 3; ++i)
        out_.integer(0);
    }
  }
  void info() {
    std::string text;
    const auto section = [&](std::string_view name, const auto& fill) {
      bool wanted = args_.count() == 1;
      for (std::size_t i = 1; i != args_.count(); ++i)
        wanted = wanted || is_name(args_[i], name) || is_name(args_[i], "all");
      if (!wanted) return;
      if (!text.empty()) text += "\r\n";
      text += "# " + std::string(name) + "\r\n";
      fill();
    };
    const auto line = [&](std::string_view name, std::uint64_t n) {
      text += std::string(name) + ":" + std::to_string(n) + "\r\n";
    };
    section("Server", [&] {
      text += "memory:" + std::string(Memory::name) + "\r\n";
      line("threads", state_.threads);
    });
    section("Clients", [&] {
      line("connected_clients", state_.clients);
      line("dropped_subscribers", state_.dropped);
    });
    section("Memory", [&] { line("used_memory", state_.memory.held_bytes()); });
    section("Pools", [&] { state_.memory.describe(text); });
    section("Stats", [&] { line("total_commands_processed", state_.commands); });
    section("Keyspace", [&] { line("keys", keys_.size()); });
    out_.verbatim(text);
  }
  void quit() {
    out_.simple("OK");
    client_.ends = true;
  }
  void shutdown() {
    client_.ends_server = true;
    client_.ends = true;
  }

  /// Sorted by name.
  static constexpr std::array table{command{"append", 3, &commands::append},
                                    command{"client", -2, &commands::client_command},
                                    command{"command", -1, &commands::command_command},
                                    command{"config", -2, &commands::config},
                                    command{"dbsize", 1, &commands::dbsize},
                                    command{"del", -2, &commands::del},
                                    command{"echo", 2, &commands::echo},
                                    command{"exists", -2, &commands::exists},
                                    command{"expire", -3, &commands::expire},
                                    command{"flushall", -1, &commands::flushall},
                                    command{"get", 2, &commands::get},
                                    command{"getrange", 4, &commands::getrange},
                                    command{"hello", -1, &commands::hello},
                                    command{"hget", 3, &commands::hget},
                                    command{"hgetall", 2, &commands::hgetall},
                                    command{"hset", -4, &commands::hset},
                                    command{"incr", 2, &commands::incr},
                                    command{"info", -1, &commands::info},
                                    command{"llen", 2, &commands::llen},
                                    command{"lpop", -2, &commands::lpop},
                                    command{"lpush", -3, &commands::lpush},
                                    command{"lrange", 4, &commands::lrange},
                                    command{"mget", -2, &commands::mget},
                                    command{"mset", -3, &commands::mset},
                                    command{"ping", -1, &commands::ping, true},
                                    command{"psubscribe", -2, &commands::psubscribe, true},
                                    command{"publish", 3, &commands::publish},
                                    command{"punsubscribe", -1, &commands::punsubscribe, true},
                                    command{"quit", -1, &commands::quit, true},
                                    command{"rpop", -2, &commands::rpop},
                                    command{"rpush", -3, &commands::rpush},
                                    command{"sadd", -3, &commands::sadd},
                                    command{"set", -3, &commands::set_string},
                                    command{"shutdown", -1, &commands::shutdown},
                                    command{"spop", -2, &commands::spop},
                                    command{"strlen", 2, &commands::strlen},
                                    command{"subscribe", -2, &commands::subscribe, true},
                                    command{"ttl", 2, &commands::ttl},
                                    command{"unsubscribe", -1, &commands::unsubscribe, true}};

  state_type& state_;
  store_type& keys_;
  client_type& client_;
  reply<Memory>& out_;
  const Arguments& args_;
};

}  // namespace broker
