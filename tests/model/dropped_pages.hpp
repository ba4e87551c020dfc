// SPDX-License-Identifier: MIT
//
// The system's page dropping, for models: the shipped headers call `madvise` with addresses of a
// model's memory, and this function tells that memory. Include it in one file of a program.

#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model/relacy_env.hpp"

namespace model {

/// The memory whose pages can be dropped, if any, and whether the system refuses to drop them.
inline memory* droppable = nullptr;
inline bool refuses_to_drop = false;

struct purgeable_source : source {
  static constexpr bool is_purgeable = true;
};

}  // namespace model

extern "C" int madvise(void* pages, std::size_t bytes, int advice) noexcept {
  constexpr auto end = (model::memory::units + 1) * model::memory::unit;
  if (reinterpret_cast<std::uintptr_t>(pages) >= end) {
    return static_cast<int>(::syscall(SYS_madvise, pages, bytes, advice));
  }
  if (model::refuses_to_drop) return -1;  // the reason is never read
  model::droppable->drop(pages, bytes);
  return 0;
}
