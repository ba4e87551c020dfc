// SPDX-License-Identifier: MIT
//
// Question: what does one get and put cost, for every product x lock policy x stats policy?
//
// The policies come from the list that the tests use as well. Each benchmark writes to the memory
// that it gets and checks it on reading. `to_floor` is its time per get and put in units of a bare
// thread-local stack. A lock that is not concurrent runs on one thread only. Unsized pools, built
// objects, records, chains and builders have all pairs only with TARN_BENCH_EVERY_PAIR, as
// `cmake/run.sh bench` sets it: they take longer to compile than all others.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>

#include <tarn/builder.hpp>
#include <tarn/byte_pool.hpp>
#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/record.hpp>
#include <tarn/unsized_pool.hpp>

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

template <class Get>
void use_object(benchmark::State& state, Get get) {
  auto tag = static_cast<std::uint64_t>(state.thread_index()) << 32;
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    auto object = get();
    good = good && object->first == 0 && object->last == 0;
    ++tag;
    object->first = tag;
    object->last = tag;
    bench::barrier();
    good = good && object->first == object->last;
  }
  floor.report(1);
  bench::check(state, good, "an object was not new, or did not keep what was written");
}
template <class Policy>
void get_object(benchmark::State& state) {
  auto& pool = the_pool<tarn::object_pool<item, typename Policy::lock, typename Policy::stats>>();
  use_object(state, [&] { return pool.get(); });
}
/// An object that is constructed and destroyed each time.
template <class Policy>
void make_object(benchmark::State& state) {
  auto& pool = the_pool<tarn::built_pool<item, typename Policy::lock, typename Policy::stats>>();
  use_object(state, [&] { return pool.make(); });
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

/// A frame of two pieces, which are shared and not copied.
template <class Policy>
void chain_bytes(benchmark::State& state) {
  auto& pool = the_pool<tarn::byte_pool<typename Policy::lock, typename Policy::stats>>();
  const auto size = static_cast<std::size_t>(state.range(0));
  auto tag = static_cast<std::uint64_t>(state.thread_index()) << 32;
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    auto body = pool.get_shared(bench::hide(size));
    ++tag;
    std::memcpy(body.make_unique().data(), &tag, sizeof tag);
    tarn::basic_chain<typename Policy::lock, typename Policy::stats> frame(pool, 0);
    frame.append(body);
    frame.append(std::move(body));
    bench::barrier();
    good = good && frame.size() == 2 * size &&
           std::memcmp(frame.begin()->data(), &tag, sizeof tag) == 0;
  }
  floor.report(1);
  bench::check(state, good, "a chain did not keep what was written");
}

/// The key of a request.
template <class Policy>
void build_key(benchmark::State& state) {
  using pool_type = tarn::byte_pool<typename Policy::lock, typename Policy::stats>;
  auto& pool = the_pool<pool_type>();
  bool good = true;
  int number = state.thread_index();
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    tarn::basic_key_builder<pool_type> key(pool);
    key.add("user").add(number += 8);
    bench::barrier();
    good = good && key.view().starts_with("user:");
  }
  floor.report(1);
  bench::check(state, good, "a key is not what was added");
}

/// Starts with 4 KiB, whatever is written.
template <class Policy>
void get_unsized(benchmark::State& state) {
  auto& pool = the_pool<tarn::unsized_pool<typename Policy::lock, typename Policy::stats>>();
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    auto b = pool.get();
    pool.append(b, text);
    bench::barrier();
    good = good && b.size() == text.size() && b[b.size() - 1] == std::byte{'x'};
  }
  floor.report(1);
  bench::check(state, good, "a buffer did not keep what was written");
}

template <class Policy>
void get_record(benchmark::State& state) {
  auto& pool =
      the_pool<tarn::message_pool<tarn::record, typename Policy::lock, typename Policy::stats>>();
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::string payload(size, 'v');
  bool good = true;
  bench::floor_watch floor(state);
  floor.start();
  for (auto _ : state) {
    auto r = pool.get();
    good = good && r->value.empty() && r->headers.empty();
    r->key.assign("key");
    r->value.assign(payload);
    bench::barrier();
    good = good && r->value.size() == size;
  }
  floor.report(1);
  bench::check(state, good, "a record was not reset, or did not keep what was written");
}

template <class Policy>
void add_threads(benchmark::internal::Benchmark* b) {
  b->ArgName("size")->Threads(1);
  if (tarn::is_concurrent_v<typename Policy::lock>) b->Threads(2);
}

template <class Policy>
[[nodiscard]] std::string policy_text() {
  return "/lock:" + std::string(test::policy_name<typename Policy::lock>) +
         "/stats:" + std::string(test::policy_name<typename Policy::stats>);
}

/// Products whose hot paths are those of the others.
template <class Policy>
void add_kin() {
  const auto policy = policy_text<Policy>();
  const auto add = [&](const char* name, void (*run)(benchmark::State&), std::int64_t size) {
    auto* const b = benchmark::RegisterBenchmark((name + policy).c_str(), run);
    add_threads<Policy>(b);
    b->Arg(size);
  };
  add("chain/append_drop", chain_bytes<Policy>, 1024);
  add("builder/add_drop", build_key<Policy>, 16);
  add("unsized_pool/get_put", get_unsized<Policy>, 1024);
  add("built_pool/make_put", make_object<Policy>, sizeof(item));
  add("record_pool/get_fill_put", get_record<Policy>, 256);
}

template <class Policy>
void add() {
  const auto policy = policy_text<Policy>();
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
template <class... Policies>
void add_all_kin(const std::tuple<Policies...>*) {
  (add_kin<Policies>(), ...);
}

}  // namespace

int main(int argc, char** argv) {
  add_all(static_cast<const test::every_pair*>(nullptr));
  add_all_kin(static_cast<const test::every_policy*>(nullptr));  // all pairs, or the build's part
  return bench::run_benchmarks(argc, argv);
}
