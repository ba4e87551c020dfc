// SPDX-License-Identifier: MIT
#include <mutex>

#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/spin_lock.hpp>

#include "pooled.hpp"

namespace pipeline {

std::unique_ptr<pooled_subject> make_pooled(std::size_t lock, std::size_t stats) {
  switch (lock) {
    case 0:
      return make_pooled_with<tarn::thread_cached<>>(stats);
    case 1:
      return make_pooled_with<std::mutex>(stats);
    case 2:
      return make_pooled_with<tarn::spin_lock>(stats);
    default:
      return make_pooled_with<tarn::lock_free>(stats);
  }
}

}  // namespace pipeline
