// SPDX-License-Identifier: MIT
//
// Question: what does one get and put cost, for every product x lock policy x stats policy?
//
// The policies come from the list that the tests use as well. Each benchmark writes to the memory
// that it gets and checks it on reading. `to_floor` is its time per get and put in units of a bare
// thread-local stack. A lock that is not concurrent runs on one thread only.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>

#include <tarn/byte_pool.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/google.hpp"
#include "support/policy_matrix.hpp"

namespace {

/// Pools live as long as the program, so that all threads of a benchmark find the same one.
template <class Pool>
Pool& the_pool() {
  static Pool pool;
  return pool;
}

template <class Policy>
void get_bytes(benchmark::State& state) {
  auto& pool = the_pool<tarn::byte_pool<typename Policy::lock, typename Policy::stats>>();
  const auto size = static_cast<std::size_t>(state.range(0));
  auto tag = static_cast<std::uint64_t>(state.thread_index()) << 32;
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    auto b = pool.get(bench::hide(size));
    auto* const first = b.data();
    auto* const last = first + b.size() - sizeof tag;
    ++tag;
    std::memcpy(first, &tag, sizeof tag);
    std::memcpy(last, &tag, sizeof tag);
    bench::barrier();
    good = good && std::memcmp(first, last, sizeof tag) == 0;
  }
  floor.report(1);
  bench::check(state, good, "a buffer did not keep what was written");
}

/// An object that has to be reset between two users, to show that the pool does it.
struct item {
  std::uint64_t first = 0;
  std::byte rest[112];
  std::uint64_t last = 0;

  item() noexcept {}
  void reset() noexcept { first = last = 0; }
};

template <class Policy>
void get_object(benchmark::State& state) {
  auto& pool = the_pool<tarn::object_pool<item, typename Policy::lock, typename Policy::stats>>();
  auto tag = static_cast<std::uint64_t>(state.thread_index()) << 32;
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    auto object = pool.get();
    good = good && object->first == 0 && object->last == 0;
    ++tag;
    object->first = tag;
    object->last = tag;
    bench::barrier();
    good = good && object->first == object->last;
  }
  floor.report(1);
  bench::check(state, good, "an object was not reset, or did not keep what was written");
}

template <class Policy>
void get_message(benchmark::State& state) {
  auto& pool =
      the_pool<tarn::message_pool<tarn::message, typename Policy::lock, typename Policy::stats>>();
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::string payload(size, 'v');
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    auto m = pool.get();
    good = good && m->value.empty() && m->headers.empty();
    m->value.assign(payload);
    m->headers.add("name", "value");
    bench::barrier();
    good = good && m->value.size() == size;
  }
  floor.report(1);
  bench::check(state, good, "a message was not reset, or did not keep what was written");
}

/// Adds and drops a reference, and drops the last one.
template <class Policy>
void share_bytes(benchmark::State& state) {
  auto& pool = the_pool<tarn::byte_pool<typename Policy::lock, typename Policy::stats>>();
  const auto size = static_cast<std::size_t>(state.range(0));
  auto tag = static_cast<std::uint64_t>(state.thread_index()) << 32;
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    auto b = pool.get_shared(bench::hide(size));
    ++tag;
    std::memcpy(b.make_unique().data(), &tag, sizeof tag);
    const auto other = b;
    b.release();
    bench::barrier();
    good = good && std::memcmp(other.data(), &tag, sizeof tag) == 0;
  }
  floor.report(1);
  bench::check(state, good, "shared bytes did not keep what was written");
}

/// A page of small pieces; with a concurrent lock all threads write to the same one.
template <class Policy>
void append_pieces(benchmark::State& state) {
  using writer = tarn::fast_buffer_for<typename Policy::lock, typename Policy::stats>;
  static writer shared;
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    if constexpr (tarn::is_concurrent_v<typename Policy::lock>) {
      shared.append(text);
      if (shared.size() >= 4096) {
        const auto taken = shared.take();
        good = good && taken.size() % text.size() == 0;
      }
    } else {
      shared.append(text);
      good = good && shared[shared.size() - 1] == std::byte{'x'};
      if (shared.size() >= 4096) shared.clear();
    }
    bench::barrier();
  }
  floor.report(1);
  bench::check(state, good, "appended text was torn");
}

template <class Policy>
void add_threads(benchmark::internal::Benchmark* b) {
  b->ArgName("size")->Threads(1);
  if (tarn::is_concurrent_v<typename Policy::lock>) b->Threads(2);
}

template <class Policy>
void add() {
  const std::string policy = "/lock:" + std::string(test::policy_name<typename Policy::lock>) +
                             "/stats:" + std::string(test::policy_name<typename Policy::stats>);
  auto* const bytes =
      benchmark::RegisterBenchmark(("byte_pool/get_put" + policy).c_str(), get_bytes<Policy>);
  add_threads<Policy>(bytes);
  bytes->Arg(128)->Arg(65536);
  auto* const shared = benchmark::RegisterBenchmark(("shared_buffer/get_drop" + policy).c_str(),
                                                    share_bytes<Policy>);
  add_threads<Policy>(shared);
  shared->Arg(100)->Arg(1024);
  auto* const writers =
      benchmark::RegisterBenchmark(("fast_buffer/append" + policy).c_str(), append_pieces<Policy>);
  add_threads<Policy>(writers);
  writers->Arg(16);
  auto* const objects =
      benchmark::RegisterBenchmark(("object_pool/get_put" + policy).c_str(), get_object<Policy>);
  add_threads<Policy>(objects);
  objects->Arg(sizeof(item));
  auto* const messages = benchmark::RegisterBenchmark(
      ("message_pool/get_fill_put" + policy).c_str(), get_message<Policy>);
  add_threads<Policy>(messages);
  messages->Arg(256);
}

template <class... Policies>
void add_all(const std::tuple<Policies...>*) {
  (add<Policies>(), ...);
}

}  // namespace

int main(int argc, char** argv) {
  add_all(static_cast<const test::every_policy*>(nullptr));
  return bench::run_benchmarks(argc, argv);
}
