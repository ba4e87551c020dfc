// SPDX-License-Identifier: MIT
// Each product once under each kind of lock: the code of the library that a user's compiler sees.
#include <tarn/policy/spin_lock.hpp>
#include <tarn/tarn.hpp>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace {

template <class Lock, class Stats>
std::size_t use() {
  std::size_t n = 0;
  {
    tarn::byte_pool<Lock, Stats> pool({.max_objects = 8});
    auto some = pool.get(10);
    void* const raw = pool.allocate(10);
    pool.deallocate(raw, 10);
    auto shared = pool.get_shared(100);
    auto again = shared;
    auto given = std::move(some);
    pool.trim();
    n += given.size() + again.size() + pool.tiers().count();
  }
  {
    tarn::object_pool<std::vector<int>, Lock, Stats> pool;
    auto object = pool.get();
    object->push_back(1);
    auto moved = std::move(object);
    n += moved->size();
  }
  {
    tarn::object_pool<std::pair<int, int>, Lock, Stats, tarn::object_traits<tarn::build_objects>>
        pool;
    n += static_cast<std::size_t>(pool.make(1, 2)->first);
  }
  for (const std::size_t capacity : {0u, 4u}) {
    tarn::message_pool<tarn::message, Lock, Stats> pool({.capacity = capacity});
    auto message = pool.get();
    message->value.append(std::string_view("text"));
    auto shared = pool.share(std::move(message));
    auto again = shared;
    n += again->value.size();
  }
  {
    tarn::byte_pool<Lock, Stats> pool;
    tarn::basic_fast_buffer<tarn::no_lock, Stats,
                            tarn::fast_buffer_traits<tarn::byte_pool<Lock, Stats>>>
        text(pool);
    text.append("hello");
    n += text.size();
    tarn::basic_chain<Lock, Stats> pieces(pool);
    pieces.append(pool.get_shared(10));
    n += pieces.size();
  }
  {
    tarn::unsized_pool<Lock, Stats> pool;
    n += pool.get().capacity();
    tarn::basic_variant_pool<tarn::type_tiers<int, std::string>, Lock, Stats> several;
    n += several.template make<std::string>("text")->size();
    const tarn::persistent_message<tarn::message_pool<tarn::message, Lock, Stats>> forever;
    n += forever.share().ref_count();
  }
  {
    using check = tarn::checked_with<tarn::fill_blocks, tarn::fence_blocks, tarn::poison_blocks>;
    tarn::byte_pool<Lock, Stats, tarn::traits<tarn::small_tiers, check, tarn::placed_source>> pool(
        {.alignment = 256});
    n += pool.get(10).size();
    tarn::object_pool<std::pair<int, int>, Lock, Stats,
                      tarn::object_traits<tarn::build_objects, check>>
        objects;
    n += static_cast<std::size_t>(objects.make(1, 2)->first);
  }
  return n;
}

}  // namespace

int main() {
  tarn::chain of_default;
  tarn::basic_concurrent_fast_buffer<std::mutex> log;
  log.append("text");
  of_default.append("text");
  return static_cast<int>(of_default.size() + use<tarn::no_lock, tarn::no_stats>() +
                          use<tarn::thread_cached<>, tarn::counting_stats>() +
                          use<tarn::lock_free, tarn::counting_stats>() +
                          use<std::mutex, tarn::recording_stats>() +
                          use<tarn::spin_lock, tarn::no_stats>()) == 0;
}
