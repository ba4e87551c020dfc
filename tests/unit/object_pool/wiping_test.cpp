// SPDX-License-Identifier: MIT
//
// zeroing::secure for objects and messages: when their memory goes back, to the source or to the
// heap, no byte of them is left.

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/record.hpp>
#include <tarn/record_batch.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr char secret = 0x5A;
constexpr std::size_t many = 200;

std::atomic<std::size_t> found{0};  // bytes of secrets in memory that went back

void search(const void* memory, std::size_t bytes) {
  const auto* const begin = static_cast<const volatile char*>(memory);
  for (std::size_t i = 0; i != bytes; ++i)
    found += begin[i] == secret;
}

/// Looks at what goes back.
struct searching_source {
  static void* allocate(std::size_t bytes, std::size_t alignment) {
    void* const p = ::operator new(bytes, std::align_val_t(alignment));
    tarn::detail::zero_memory(p, bytes);
    return p;
  }
  static void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    search(p, bytes);
    ::operator delete(p, std::align_val_t(alignment));
  }
};
template <class T>
struct searching_allocator {
  using value_type = T;
  searching_allocator() = default;
  template <class U>
  searching_allocator(const searching_allocator<U>&) noexcept {}
  static T* allocate(std::size_t n) {
    void* const p = ::operator new(n * sizeof(T));
    tarn::detail::zero_memory(p, n * sizeof(T));
    return static_cast<T*>(p);
  }
  static void deallocate(T* p, std::size_t n) noexcept {
    search(p, n * sizeof(T));
    ::operator delete(p);
  }
  friend bool operator==(const searching_allocator&, const searching_allocator&) = default;
};
using text = std::basic_string<char, std::char_traits<char>, searching_allocator<char>>;
using numbers = std::vector<char, searching_allocator<char>>;

void fill(void* memory, std::size_t bytes) {
  auto* const begin = static_cast<volatile char*>(memory);  // stores that are not removed
  for (std::size_t i = 0; i != bytes; ++i)
    begin[i] = secret;
}

struct plain {
  plain() noexcept { fill(bytes.data(), bytes.size()); }
  explicit plain(bool fails) : plain() {
    if (fails) throw std::runtime_error("built in vain");
  }
  std::array<char, many> bytes;
};

/// Tells what happens to it.
struct telling {
  std::string* said = nullptr;
  bool is_bad = false;
  void wipe() noexcept { *said += 'w'; }
  bool tell_reset() const {
    *said += 'r';
    return !is_bad;
  }
};
constexpr auto tell_reset = [](telling& t) { return t.tell_reset(); };

template <class T, class P, class Lifecycle>
using pool_of = tarn::object_pool<T, typename P::lock, typename P::stats,
                                  tarn::object_traits<Lifecycle, tarn::no_check, searching_source>>;

/// The bytes of secrets that `work` leaves, under each mode.
template <class Work>
void check_left(Work&& work, bool seen_without = true) {
  found = 0;
  work(tarn::zeroing::none);
  if (seen_without) CHECK(found != 0);  // so the search finds them
  found = 0;
  work(tarn::zeroing::secure);
  CHECK(found == 0);
}

template <class Bytes>
bool is_zero(const Bytes& bytes) {
  for (const auto b : bytes) {
    if (b != std::byte{0}) return false;
  }
  return true;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("no byte of a built object is left, also of one that could not be built",
                        "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<plain, TestType, tarn::build_objects>;
  check_left([](tarn::zeroing how) {
    pool_type pool({.zeroing = how});
    {
      const auto a = pool.make();
      auto b = pool.make(false);
      pool.put(b.detach());
    }
    CHECK(test::imbalance(pool) == "");
  });
  check_left([](tarn::zeroing how) {
    pool_type pool({.zeroing = how});
    CHECK_THROWS_AS(pool.make(true), std::runtime_error);
  });
  check_left([](tarn::zeroing how) {  // a handle that outlives its pool
    typename pool_type::handle late;
    pool_type pool({.zeroing = how});
    late = pool.make();
  });
}

TEMPLATE_LIST_TEST_CASE("no byte of kept strings and vectors is left, short or long, in any way",
                        "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const auto use = [](auto pool_type_of, tarn::options o) {
    typename decltype(pool_type_of)::type pool(o);
    using handle = typename decltype(pool)::handle;
    for (const std::size_t size : {std::size_t{10}, many, std::size_t{5000}}) {
      std::vector<handle> out(3);
      pool.get_bulk(out);
      for (auto& each : out)
        each->assign(size, secret);
      out[0]->resize(size / 2);  // what is behind the size goes, too
      pool.put(out[1].detach());
      out.clear();
      if (size == many) pool.trim();
    }
    {
      auto wide = pool.get(300);
      wide->assign(300, secret);
    }
    pool.drain();
    CHECK(test::imbalance(pool) == "");
  };
  using texts = std::type_identity<pool_of<text, TestType, tarn::keep_objects<>>>;
  using vectors = std::type_identity<pool_of<numbers, TestType, tarn::keep_objects<>>>;
  for (const std::size_t keep : {std::size_t{0}, std::size_t{1000}}) {
    INFO(keep);
    check_left(
        [&](tarn::zeroing how) { use(texts(), {.keep_capacity_bytes = keep, .zeroing = how}); });
    check_left(
        [&](tarn::zeroing how) { use(vectors(), {.keep_capacity_bytes = keep, .zeroing = how}); });
  }
}

TEMPLATE_LIST_TEST_CASE("a kept object is wiped before each reset, and kept as before",
                        "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  std::string said;
  auto factory = [&said] { return telling{&said}; };
  using lifecycle =
      tarn::keep_objects<decltype(factory), std::remove_const_t<decltype(tell_reset)>>;
  pool_of<telling, TestType, lifecycle> pool({.zeroing = tarn::zeroing::secure},
                                             {factory, tell_reset});
  const telling* first = nullptr;
  {
    const auto a = pool.get();
    first = a.get();
  }
  CHECK(said == "wr");
  {
    auto b = pool.get();
    CHECK(b.get() == first);
    b->is_bad = true;
    pool.put(b.detach());
  }
  CHECK(said == "wrwr");
  CHECK(pool.occupancy().in_use() == 0);
  if constexpr (TestType::stats::counts) {
    const auto s = pool.snapshot();
    CHECK(s.tiers[0].gets == 2);
    CHECK(s.tiers[0].puts == 2);
    CHECK(s.constructed == 1);
    CHECK(s.reset_failures == 1);
  }
  CHECK(test::imbalance(pool) == "");
  // Without it, wipe() is not called.
  pool_of<telling, TestType, lifecycle> usual({}, {factory, tell_reset});
  said.clear();
  {
    const auto a = usual.get();
  }
  CHECK(said == "r");
}

TEST_CASE("a message, a record and a batch wipe all memory that they keep", "[message]") {
  const std::string long_text(many, secret);
  const auto is_wiped = [](tarn::byte_string& bytes) {
    const auto all = bytes.capacity();
    CHECK(bytes.empty());
    CHECK(all >= many);
    bytes.extend(all);
    return is_zero(bytes.bytes());
  };
  tarn::message m;
  m.id = 7;
  m.topic = long_text;
  m.key.assign(long_text);
  m.value.assign(long_text);
  m.value.truncate(3);
  m.headers.add(long_text, long_text);
  const auto kept = m.kept_bytes();
  m.wipe();
  CHECK(m.kept_bytes() == kept);
  CHECK(m.id == 0);
  CHECK(m.headers.empty());
  CHECK(m.topic.empty());
  CHECK(std::string_view(m.topic.data(), 1) == std::string_view("", 1));
  CHECK(is_wiped(m.key));
  CHECK(is_wiped(m.value));

  tarn::record r;
  r.key.assign(long_text);
  r.value.assign(long_text);
  r.value_is_null = true;
  r.wipe();
  CHECK_FALSE(r.value_is_null);
  CHECK(is_wiped(r.key));
  CHECK(is_wiped(r.value));

  tarn::record_batch batch;
  for (int i = 0; i != 3; ++i)
    batch.add().value.assign(long_text);
  batch.reset();  // the records become spare ones, with their memory
  batch.add().value.assign("x");
  batch.wipe();
  CHECK(batch.records().empty());
  for (int i = 0; i != 3; ++i)
    CHECK(is_wiped(batch.add().value));
  tarn::byte_string none;
  none.wipe();
  CHECK(none.capacity() == 0);
}

TEMPLATE_LIST_TEST_CASE("a message is wiped when its last owner gives it back", "[message_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const bool bounded : {false, true}) {
    tarn::options o{.zeroing = tarn::zeroing::secure};
    if (bounded) o.capacity = 1;
    tarn::message_pool<tarn::message, typename TestType::lock, typename TestType::stats> pool(o);
    const tarn::message* first = nullptr;
    {
      auto m = pool.get();
      first = &*m;
      m->value.assign(std::string(many, secret));
      const auto shared = pool.share(std::move(m));
      const auto other = shared;
      CHECK(other->value.size() == many);
    }
    auto again = pool.get();
    REQUIRE(&*again == first);
    REQUIRE(again->value.capacity() >= many);
    again->value.extend(many);
    CHECK(is_zero(again->value.bytes()));
  }
}

TEST_CASE("what can't be wiped is refused, and so are other kinds of zeroing", "[object_pool]") {
  const auto refusal = [](auto pool_type_of, tarn::zeroing how) -> std::string {
    try {
      typename decltype(pool_type_of)::type pool(tarn::options{.zeroing = how});
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "no error";
  };
  using kept = std::type_identity<tarn::object_pool<std::vector<std::string>>>;
  using built = std::type_identity<
      tarn::object_pool<std::vector<std::string>, std::mutex, tarn::counting_stats,
                        tarn::object_traits<tarn::build_objects>>>;
  using sets = std::type_identity<tarn::message_pool<std::vector<std::string>>>;
  CHECK(refusal(kept(), tarn::zeroing::secure) ==
        "tarn: zeroing 4 can't be heeded: kept objects that are neither strings nor vectors of "
        "plain bytes need a member void wipe() noexcept");
  CHECK(refusal(sets(), tarn::zeroing::secure) == refusal(kept(), tarn::zeroing::secure));
  CHECK(refusal(built(), tarn::zeroing::secure) == "no error");
  CHECK(refusal(kept(), tarn::zeroing::none) == "no error");
  for (const auto how :
       {tarn::zeroing::on_get, tarn::zeroing::on_put, tarn::zeroing::used_prefix}) {
    CHECK(refusal(built(), how) == "tarn: zeroing " + std::to_string(static_cast<int>(how)) +
                                       " must be none (0) or secure (4) in an object pool");
  }
}
