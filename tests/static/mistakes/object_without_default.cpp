// SPDX-License-Identifier: MIT
// says: keep_objects: T has no default constructor: give a factory, or use build_objects and make()
#include <tarn/object_pool.hpp>

struct named {
  explicit named(int);
  void reset() {}
};
void use() {
  tarn::object_pool<named> pool;
  auto object = pool.get();
}
