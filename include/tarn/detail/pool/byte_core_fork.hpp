// SPDX-License-Identifier: MIT
#pragma once

// The fork handlers of a byte pool, besides those of every core.

#include <tarn/detail/pool/byte_core.hpp>

namespace tarn::detail {

template <class Config>
void byte_core<Config>::lock_all() noexcept {
  base::lock_all();
  large_.lock().lock();
}

template <class Config>
void byte_core<Config>::unlock_all() noexcept {
  large_.lock().unlock();
  base::unlock_all();
}

template <class Config>
void byte_core<Config>::abandon_foreign_shards(void* own) noexcept {
  base::abandon_foreign_shards(own);
  // Within a telling this thread itself may have taken blocks out.
  if (!Config::env::table(this->home_registry()).is_telling) large_.abandon();
}

}  // namespace tarn::detail
