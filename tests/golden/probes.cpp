// SPDX-License-Identifier: MIT
//
// The functions whose machine code is counted. This file is always compiled with -O2.

#include "probes.hpp"

#include <cstring>
#include <mutex>
#include <vector>

#include "shared_probe.hpp"

namespace golden {
namespace {

template <class Pool>
[[gnu::noinline]] void* raw_get(void* pool, std::size_t n) {
  return static_cast<Pool*>(pool)->allocate(n);
}

template <class Pool>
[[gnu::noinline]] void raw_put(void* pool, void* block, std::size_t n) {
  static_cast<Pool*>(pool)->deallocate(block, n);
}

/// A handle that is taken and dropped; the optimiser must not remove the code between.
template <class Pool>
[[gnu::noinline]] void handle(void* pool, void*, std::size_t n) {
  const auto b = static_cast<Pool*>(pool)->get(n);
  asm volatile("" : : "r"(b.data()) : "memory");
}

template <class Pool>
void add(std::vector<probe>& to, const char* lock, const char* stats) {
  // Never destroyed: the traced process just ends.
  auto* const pool = new Pool();
  to.push_back({"raw_get", lock, stats, pool, raw_get<Pool>, nullptr});
  to.push_back({"raw_put", lock, stats, pool, nullptr, raw_put<Pool>});
  to.push_back({"handle", lock, stats, pool, nullptr, handle<Pool>});
  to.push_back({"shared", lock, stats, pool, nullptr, shared<Pool>});
}

template <class Lock>
void add_each(std::vector<probe>& to, const char* lock) {
  add<tarn::byte_pool<Lock, tarn::no_stats>>(to, lock, "no_stats");
  add<tarn::byte_pool<Lock, tarn::counting_stats>>(to, lock, "counting_stats");
  add<tarn::byte_pool<Lock, hardly_following>>(to, lock, "recording_stats");
}

const probe* find(const probe& like, const char* operation) {
  const auto all = probes();
  for (const auto* p = all.begin; p != all.begin + all.count; ++p) {
    if (p->pool == like.pool && std::strcmp(p->operation, operation) == 0) return p;
  }
  return nullptr;
}

}  // namespace

probe_list probes() {
  static const auto all = [] {
    std::vector<probe> result;
    add_each<tarn::no_lock>(result, "no_lock");
    add_each<std::mutex>(result, "std::mutex");
    add_each<tarn::spin_lock>(result, "spin_lock");
    add_each<tarn::lock_free>(result, "lock_free");
    add_each<tarn::thread_cached<>>(result, "thread_cached");
    return result;
  }();
  return {all.data(), all.size()};
}

void* prepare(const probe& p) {
  const auto* const get = find(p, "raw_get");
  const auto* const put = find(p, "raw_put");
  // Several blocks are out and some are returned, so that the cache is neither empty nor full.
  void* blocks[8];
  for (auto& b : blocks)
    b = get->run(nullptr, size);
  for (int i = 0; i != 4; ++i)
    put->run(blocks[i], size);
  find(p, "shared")->run(nullptr, size);
  return blocks[7];
}

}  // namespace golden
