// SPDX-License-Identifier: MIT
// How do I find memory that is given back twice, with the wrong size, or to the wrong pool, and
// writes behind a block or after its return?

#include <array>
#include <cstdio>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/check_parts.hpp>
#include <tarn/policy/poison_blocks.hpp>

namespace {

// Handles can't be misused. Raw calls can: `checked` looks at each block that comes back.
// `checked_with` does so, too, and adds parts: a fence behind each block, and a pattern in idle
// ones.
template <class Check>
using pool_with = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                  tarn::traits<tarn::power_of_two_tiers<>, Check>>;
using checked_pool = pool_with<tarn::checked>;
using fenced_pool = pool_with<tarn::checked_with<tarn::fence_blocks, tarn::fill_blocks>>;

int reports = 0;

void say(const tarn::misuse_report& report) noexcept {
  ++reports;
  std::printf("pool '%s': %s, %zu bytes\n", report.pool, tarn::to_string(report.kind), report.size);
}

}  // namespace

int main() {
  // Without a handler the pool only counts misuses; tarn::abort_on_misuse ends the program at the
  // first one.
  tarn::set_misuse_handler(say);

  checked_pool pool({.name = "ours"});
  checked_pool other({.name = "theirs"});
  auto* const block = static_cast<std::byte*>(pool.allocate(100));
  static std::array<std::byte, 128> foreign;

  pool.deallocate(nullptr, 100);
  pool.deallocate(foreign.data(), 100);
  pool.deallocate(block + 16, 100);
  pool.deallocate(block, 4000);
  other.deallocate(block, 100);
  pool.deallocate(block, 100);  // correct
  pool.deallocate(block, 100);  // a second time

  const auto counts = pool.snapshot();
  std::printf("%d reports, %llu blocks out\n", reports,
              static_cast<unsigned long long>(counts.total().in_use));
  const auto twice = counts.misuses[static_cast<std::size_t>(tarn::misuse::double_put)];
  const bool found = reports == 6 && twice == 1 && counts.total().in_use == 0;

  fenced_pool fenced({.name = "fenced"});
  auto* const text = static_cast<std::byte*>(fenced.allocate(100));
  text[fenced.capacity_for(100)] = std::byte{1};  // one byte too far
  fenced.deallocate(text, 100);                   // reported here
  text[0] = std::byte{1};                         // after the return
  fenced.deallocate(fenced.allocate(100), 100);   // reported by this get

  // In a program with AddressSanitizer this part ends the program at a read or a write that comes
  // after the return.
  pool_with<tarn::checked_with<tarn::poison_blocks>> hidden({.name = "hidden"});
  hidden.deallocate(hidden.allocate(100), 100);
  return found && reports == 8 ? 0 : 1;
}
