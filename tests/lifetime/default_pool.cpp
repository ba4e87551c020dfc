// SPDX-License-Identifier: MIT
//
// The default pools in static constructors and destructors of three files, whose order is
// unspecified. The first destructor finds blocks out, the last one finds only its own.

#include "default_pool.hpp"

static default_pool_user before_main(3);

int main() {
  static default_pool_user in_main(4);
  const bool four = tarn::default_pool().occupancy().in_use() == 4 &&
                    tarn::default_unsized_pool().sized().occupancy().in_use() == 4;
  return four ? 0 : 1;
}
