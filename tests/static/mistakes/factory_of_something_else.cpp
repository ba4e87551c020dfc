// SPDX-License-Identifier: MIT
// says: keep_objects: the Factory is called without arguments and returns a T
#include <tarn/object_pool.hpp>

struct factory {
  const char* operator()(int) const { return nullptr; }
};
void use() {
  tarn::object_pool<int, tarn::no_lock, tarn::no_stats,
                    tarn::object_traits<tarn::keep_objects<factory>>>
      pool;
  auto object = pool.get();
}
