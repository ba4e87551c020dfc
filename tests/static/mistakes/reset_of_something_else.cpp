// SPDX-License-Identifier: MIT
// says: keep_objects: T has no reset() and no clear(), and T() can't be assigned to it: give a
// Reset that is called with a T&, or use build_objects and make()
#include <tarn/object_pool.hpp>

struct resetter {
  void operator()(const char*) const {}
};
void use() {
  tarn::object_pool<int, tarn::no_lock, tarn::no_stats,
                    tarn::object_traits<tarn::keep_objects<tarn::construct_default, resetter>>>
      pool;
  auto object = pool.get();
}
