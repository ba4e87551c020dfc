// SPDX-License-Identifier: MIT
#pragma once

// A core with all its definitions.

#include <tarn/detail/bounds/await.hpp>
#include <tarn/detail/bounds/hold.hpp>
#include <tarn/detail/bounds/refuse.hpp>
#include <tarn/detail/bounds/room.hpp>
#include <tarn/detail/bounds/stock.hpp>
#include <tarn/detail/core/acquire.hpp>
#include <tarn/detail/core/bulk.hpp>
#include <tarn/detail/core/core.hpp>
#include <tarn/detail/core/give_back.hpp>
#include <tarn/detail/core/growth.hpp>
#include <tarn/detail/core/held.hpp>
#include <tarn/detail/core/hit_path.hpp>
#include <tarn/detail/core/life.hpp>
#include <tarn/detail/core/numbers.hpp>
#include <tarn/detail/core/threads.hpp>
#include <tarn/detail/core/waiting.hpp>
#include <tarn/detail/upkeep/compact.hpp>
#include <tarn/detail/upkeep/drain.hpp>
#include <tarn/detail/upkeep/evict.hpp>
#include <tarn/detail/upkeep/flush.hpp>
#include <tarn/detail/upkeep/purge.hpp>
#include <tarn/detail/upkeep/ready_bounds.hpp>
#include <tarn/detail/upkeep/tick.hpp>
#include <tarn/detail/upkeep/trim.hpp>
