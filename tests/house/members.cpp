// SPDX-License-Identifier: MIT
// Pools as members: in optionals, variants, arrays and classes, with default member initialisers,
// in aggregates, and with a source that the class owns. This file only has to compile.
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/policy/spin_lock.hpp>
#include <tarn/tarn.hpp>

#include <any>
#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace {

struct counted_source {
  void* allocate(std::size_t bytes, std::size_t alignment) {
    ++gets;
    return ::operator new(bytes, std::align_val_t{alignment});
  }
  void deallocate(void* p, std::size_t, std::size_t alignment) noexcept {
    ::operator delete(p, std::align_val_t{alignment});
  }
  int gets = 0;
};
using ref = tarn::source_ref<counted_source>;

template <class Lock>
struct products {
  using bytes = tarn::byte_pool<Lock>;
  using objects = tarn::object_pool<std::string, Lock>;
  using messages = tarn::message_pool<tarn::message, Lock>;
  using unsized = tarn::unsized_pool<Lock>;
};
template <class Lock>
struct products_over {
  using stats = tarn::counting_stats;
  using traits = tarn::object_traits<tarn::keep_objects<>, tarn::no_check, ref>;
  using bytes = tarn::byte_pool<Lock, stats, tarn::traits<tarn::small_tiers, tarn::no_check, ref>>;
  using objects = tarn::object_pool<std::string, Lock, stats, traits>;
  using messages = tarn::message_pool<tarn::message, Lock, stats, traits>;
  using unsized = tarn::unsized_pool<Lock, stats, tarn::no_check, ref>;
};

template <class Pool>
void hold() {
  static_assert(std::is_default_constructible_v<Pool> && !std::is_move_constructible_v<Pool>);
  struct held {
    Pool plain;
    Pool named{tarn::options{.name = "named"}};
    Pool assigned = Pool({.name = "assigned"});
    int n = 0;
  };
  const held a;
  const held b{};
  std::optional<Pool> optional(std::in_place, tarn::options{.name = "optional"});
  optional.emplace();
  optional.reset();
  std::optional<held> more;
  more.emplace();
  std::variant<std::monostate, Pool> variant;
  variant.template emplace<Pool>();
  variant.template emplace<1>(tarn::options{});
  std::any any = std::make_shared<Pool>();
  any = std::make_shared<held>();
  const Pool of_c[3];
  const Pool of_c_empty[2] = {};
  const std::array<Pool, 3> array;
  const std::array<Pool, 3> array_empty{};
  const std::array<Pool, 2> array_full{Pool({.name = "a"}), Pool({.name = "b"})};
  const std::pair<Pool, int> pair;
  const std::tuple<Pool, Pool> tuple;
  const auto one = std::make_unique<Pool>(tarn::options{});
  const auto some = std::make_unique<Pool[]>(3);
  static_cast<void>(a.n + b.n);
  static_cast<void>(std::tie(of_c, of_c_empty, array, array_empty, array_full, pair, tuple));
}

template <class Lock>
struct aggregate_over {
  using of = products_over<Lock>;
  counted_source source;
  typename of::bytes bytes{{}, {}, source};
  typename of::bytes assigned = typename of::bytes({.name = "assigned"}, {}, source);
  typename of::objects objects{{}, {}, source};
  typename of::messages messages{{}, {}, source};
  typename of::unsized unsized{{}, source};
};
template <class Lock>
class class_over {
 public:
  class_over()
      : bytes_({.name = "bytes"}, {}, source_),
        objects_({.name = "objects"}, {}, source_),
        messages_({.name = "messages"}, {}, source_),
        unsized_({.name = "unsized"}, source_) {}

 private:
  using of = products_over<Lock>;
  counted_source source_;
  typename of::bytes bytes_;
  typename of::objects objects_;
  typename of::messages messages_;
  typename of::unsized unsized_;
};

template <class Pool>
void hold_over() {
  static_assert(!std::is_default_constructible_v<Pool> && !std::is_move_constructible_v<Pool>);
  static_assert(!std::is_constructible_v<std::variant<Pool, int>, const char*>);
  std::optional<Pool> optional;
  std::variant<std::monostate, Pool> variant;
  optional.reset();
  variant = std::monostate();
}

template <class Lock>
void every() {
  hold<typename products<Lock>::bytes>();
  hold<typename products<Lock>::objects>();
  hold<typename products<Lock>::messages>();
  hold<typename products<Lock>::unsized>();
  hold_over<typename products_over<Lock>::bytes>();
  hold_over<typename products_over<Lock>::objects>();
  hold_over<typename products_over<Lock>::messages>();
  hold_over<typename products_over<Lock>::unsized>();
  const aggregate_over<Lock> a;
  const std::array<aggregate_over<Lock>, 2> b{};
  std::optional<aggregate_over<Lock>> c;
  c.emplace();
  const class_over<Lock> d;
  std::optional<class_over<Lock>> e(std::in_place);
  std::any any = std::make_shared<class_over<Lock>>();
  static_cast<void>(std::tie(a, b, d));
}

struct handles {
  tarn::fast_buffer text;
  tarn::concurrent_fast_buffer log;
  tarn::chain pieces;
  tarn::buffer bytes;
  tarn::shared_buffer shared;
  tarn::message_pool<>::handle message;
  tarn::message_pool<>::shared fanned_out;
  tarn::size_hint hint;
  tarn::key_builder key;
};
struct observers {
  tarn::event_log log;
  tarn::pool_registry pools;
  tarn::operation_recorder operations;
};

}  // namespace

int main() {
  every<tarn::no_lock>();
  every<tarn::thread_cached<>>();
  every<tarn::lock_free>();
  every<std::mutex>();
  every<tarn::spin_lock>();
  const handles a{};
  const std::array<handles, 2> b{};
  std::optional<handles> c;
  c.emplace();
  std::variant<tarn::chain, tarn::fast_buffer, tarn::buffer, tarn::shared_buffer> any_of;
  any_of = tarn::fast_buffer();
  std::any any = tarn::chain();
  any = tarn::shared_buffer();
  const observers d{};
  static_cast<void>(std::tie(a, b, d));
}
