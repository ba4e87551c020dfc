// SPDX-License-Identifier: MIT
// says: for_each_live: other threads may change or give back the objects meanwhile; the
// pool's lock must be tarn::no_lock
#include <tarn/object_pool.hpp>
#include <tarn/visit.hpp>

tarn::object_pool<int> pool;
void visit_all() {
  tarn::for_each_live(pool, [](int&) {});
}
