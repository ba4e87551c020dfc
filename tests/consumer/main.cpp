// SPDX-License-Identifier: MIT
// The minimal consumer; every route builds this file.
#include <tarn/byte_pool.hpp>

#include <cstddef>
#include <cstdio>

int main() {
  tarn::byte_pool<> pool;
  auto buffer = pool.get(1000);
  if (buffer.size() != 1000 || buffer.capacity() < 1000) {
    return 1;
  }
  for (std::size_t i = 0; i < buffer.size(); ++i) {
    buffer.data()[i] = std::byte{42};
  }
  std::puts("OK");
}
