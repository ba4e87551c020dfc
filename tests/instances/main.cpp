// SPDX-License-Identifier: MIT
//
// Pools whose code is in another file behave as other pools.

#include <cstdio>

#include "pools.hpp"

namespace {

int failures = 0;
void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

}  // namespace

int main() {
  frame_pool frames;
  void* block = nullptr;
  for (std::size_t size = 1; size < 100'000; size += 99) {
    void* const fresh = frames.allocate(size);
    check(fresh != nullptr, "a block");
    if (block != nullptr) check(block != fresh, "two blocks");
    frames.deallocate(fresh, size);
  }
  block = exchange(frames, nullptr, 100);
  block = exchange(frames, block, 100);
  frames.deallocate(block, 100);
  check(frames.snapshot().total().in_use == 0, "all is back");

  page_pool pages;
  name_pool names;
  event_pool events;
  check(use(pages, names, events) == 5000 + 76 + 5, "the sizes of what was got");
  check(pages.occupancy().in_use() == 0, "pages are back");
  check(names.snapshot().total().in_use == 0, "names are back");
  check(events.snapshot().total().in_use == 0, "events are back");
  return failures == 0 ? 0 : 1;
}
