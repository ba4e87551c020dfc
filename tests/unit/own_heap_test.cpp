// SPDX-License-Identifier: MIT
//
// The bodies of messages where the heap refuses to double them: they take a part of that.

#include <cstddef>
#include <cstdlib>
#include <new>
#include <span>
#include <string>

#include <tarn/message.hpp>

#include "support/catch.hpp"

namespace {

thread_local std::size_t most_bytes = SIZE_MAX;  // of a block that the heap gives
thread_local std::size_t calls = 0;

// Limits the heap as long as it lives.
struct small_heap {
  explicit small_heap(std::size_t most) {
    calls = 0;
    most_bytes = most;
  }
  ~small_heap() { most_bytes = SIZE_MAX; }
};

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++calls;
  return bytes <= most_bytes ? std::malloc(bytes != 0 ? bytes : 1) : nullptr;
}
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  void* const p = operator new(bytes, std::nothrow);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
// The standard library's array form calls the one above, that of a sanitizer does not.
[[gnu::noinline]] void* operator new[](std::size_t bytes) { return operator new(bytes); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

TEST_CASE("a byte string grows to the end of memory, and is unchanged beyond it", "[message]") {
  constexpr std::size_t most = 10000;
  tarn::byte_string s;
  std::size_t asked = 0;
  bool is_full = false;
  {
    const small_heap limit(most);
    for (std::size_t i = 0; i != most && !is_full; ++i) {
      try {
        s.append(std::span<const std::byte>(s.data(), i != 0 ? 1 : 0));
        *s.extend(1) = std::byte{'x'};
      } catch (const std::bad_alloc&) {
        is_full = true;
      }
    }
    asked = calls;
  }
  CHECK(is_full);
  CHECK(s.size() == most);
  CHECK(s.capacity() == most);
  CHECK(asked < 150);  // each growth that is refused a part takes at least half of what is left
  CHECK(s.view() == std::string(most, 'x'));
  tarn::header_list headers;
  headers.add("name", std::string(3000, 'v'));
  headers.add("name", std::string(3000, 'w'));
  {
    const small_heap limit(most);
    headers.add("more", headers.begin()->value);
    CHECK_THROWS_AS(headers.add("much", headers.begin()->value), std::bad_alloc);
  }
  CHECK(headers.size() == 3);
  CHECK(headers.find("more")->text() == std::string(3000, 'v'));
  CHECK(headers.find("much") == headers.end());
}
