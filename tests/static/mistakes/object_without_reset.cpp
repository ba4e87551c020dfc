// SPDX-License-Identifier: MIT
// says: keep_objects: T has no reset() and no clear(), and T() can't be assigned to it: give a
// Reset that is called with a T&, or use build_objects and make()
#include <tarn/object_pool.hpp>

struct fixed {
  const int n = 1;
};
void use() {
  tarn::object_pool<fixed> pool;
  auto object = pool.get();
}
