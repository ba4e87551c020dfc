// SPDX-License-Identifier: MIT
//
// Question: what do the workloads of the five Go pools cost here, against new and delete?
//
// Each name begins with the pool of the original benchmark, and ends with the allocator that serves
// it. Sizes, patterns and distributions are the original ones. Unlike the originals, every workload
// has the same size on both sides, touches its memory and can't be optimised away.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tarn/builder.hpp>
#include <tarn/byte_pool.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/value/locked_ring_queue.hpp>
#include <tarn/value/ring_queue.hpp>

#include "support/google.hpp"

namespace {

using bench::barrier;
using bench::hide;
using bench::keep;

// --- allocators: get(size) returns an owner of bytes ---------------------------------------------

/// A buffer from new, which goes back by delete.
struct plain_buffer {
  std::unique_ptr<std::byte[]> bytes;
  [[nodiscard]] std::byte* data() const noexcept { return bytes.get(); }
};
struct plain {
  static constexpr const char* name = "new";
  static plain_buffer get(std::size_t size) {
    return {std::make_unique_for_overwrite<std::byte[]>(size)};
  }
};
/// As make() in Go: the bytes are zero.
struct plain_zeroed {
  static constexpr const char* name = "new_zeroed";
  static plain_buffer get(std::size_t size) { return {std::make_unique<std::byte[]>(size)}; }
};

template <class Tiers>
using pool_of = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats, tarn::traits<Tiers>>;

/// One pool per set of tiers and zeroing, for all threads of a benchmark.
template <class Tiers, tarn::zeroing Zeroing = tarn::zeroing::none>
struct pooled {
  static constexpr const char* name = Zeroing == tarn::zeroing::none ? "pool" : "pool_zeroed";
  static auto get(std::size_t size) {
    static pool_of<Tiers> pool(tarn::options{.zeroing = Zeroing});
    return pool.get(size);
  }
};

/// Writes the first and the last byte, and finds them again.
template <class Buffer>
[[nodiscard]] bool use(Buffer& b, std::size_t size, unsigned char value) {
  auto* p = b.data();
  keep(p);
  p[0] = p[size - 1] = std::byte{value};
  barrier();
  return p[0] == p[size - 1];
}

void fail_unless(benchmark::State& state, bool good) {
  bench::check(state, good, "memory did not keep what was written");
}

// --- one size ------------------------------------------------------------------------------------

template <class Server>
void one_size(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  bool good = true;
  unsigned char value = 0;
  for (auto _ : state) {
    auto b = Server::get(hide(size));
    good = good && use(b, size, ++value);
  }
  fail_unless(state, good);
  state.SetItemsProcessed(state.iterations());
}

/// Portask: get 1 KiB, write ten bytes, put.
template <class Server>
void write_ten(benchmark::State& state) {
  bool good = true;
  for (auto _ : state) {
    auto b = Server::get(hide(1024));
    auto* p = b.data();
    keep(p);
    std::memcpy(p, "0123456789", 10);
    barrier();
    good = good && p[9] == std::byte{'9'};
  }
  fail_unless(state, good);
}

/// bytepool's TestBytePool_DifferentSizes: each iteration takes every size from 128 to 131072.
template <class Server>
void different_sizes(benchmark::State& state) {
  bool good = true;
  for (auto _ : state) {
    for (std::size_t size = 128; size <= 131072; size *= 2) {
      auto b = Server::get(hide(size));
      good = good && use(b, size, 7);
    }
  }
  fail_unless(state, good);
  state.SetItemsProcessed(state.iterations() * 11);
}

/// Takhin's GCPressure and LargeWorkload: 100 buffers of 1 KiB at a time, written in full.
template <class Server>
void hundred_filled(benchmark::State& state) {
  using buffer = decltype(Server::get(0));
  std::vector<buffer> all(100);
  bool good = true;
  for (auto _ : state) {
    for (auto& b : all) {
      b = Server::get(hide(1024));
      std::memset(b.data(), 0x5a, 1024);
    }
    barrier();
    for (auto& b : all) {
      good = good && b.data()[1023] == std::byte{0x5a};
      b = buffer();
    }
  }
  fail_unless(state, good);
  state.SetItemsProcessed(state.iterations() * 100);
}

// --- synk ----------------------------------------------------------------------------------------

[[nodiscard]] std::vector<std::size_t> random_sizes(std::size_t most) {
  std::mt19937 random(1);  // fixed: both sides request the same sizes
  std::uniform_int_distribution<std::size_t> size(1, most);
  std::vector<std::size_t> sizes(1000);
  for (auto& s : sizes)
    s = size(random);
  return sizes;
}

/// GetAll: 1000 random sizes up to `range`, one after the other.
template <class Server>
void get_all(benchmark::State& state) {
  const auto sizes = random_sizes(static_cast<std::size_t>(state.range(0)));
  std::size_t next = 0;
  bool good = true;
  for (auto _ : state) {
    const auto size = sizes[next];
    next = next + 1 == sizes.size() ? 0 : next + 1;
    auto b = Server::get(size);
    good = good && use(b, size, 3);
  }
  fail_unless(state, good);
}

/// The size and the work of one request of ConcurrentAllocations.
struct request {
  std::size_t size;
  int passes;  // over the memory: the work
};

/// Sizes: 50 % 4-32 KiB, 30 % 32-256 KiB, 20 % 256 KiB-4 MiB. Work: 60 % one pass, 30 % two, 10 %
/// three.
[[nodiscard]] std::vector<request> mixed_requests(unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> percent(0, 99);
  const auto between = [&](std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(random);
  };
  std::vector<request> requests(256);
  for (auto& r : requests) {
    const int kind = percent(random);
    r.size = kind < 50   ? between(4 << 10, 32 << 10)
             : kind < 80 ? between(32 << 10, 256 << 10)
                         : between(256 << 10, 4 << 20);
    const int work = percent(random);
    r.passes = work < 60 ? 1 : work < 90 ? 2 : 3;
  }
  return requests;
}

/// `range`: 0 for get and put alone (the first byte is touched), 1 with the work.
template <class Server>
void concurrent_mix(benchmark::State& state) {
  const auto requests = mixed_requests(static_cast<unsigned>(state.thread_index()));
  std::size_t next = 0;
  std::uint64_t checksum = 0;
  std::uint64_t expected = 0;
  for (auto _ : state) {
    const auto& r = requests[next];
    next = (next + 1) % requests.size();
    auto b = Server::get(r.size);
    auto* p = b.data();
    keep(p);
    p[0] = std::byte{1};
    for (int pass = 0; pass < (state.range(0) != 0 ? r.passes : 0); ++pass) {
      std::memset(p, 1, r.size);
      barrier();
    }
    checksum += static_cast<std::uint64_t>(p[0]);
    ++expected;
  }
  fail_unless(state, checksum == expected);
}

/// BackendBursts: `range` buffers of 32 KiB at once, then all of them back.
template <class Server>
void bursts(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<decltype(Server::get(1))> held(count);
  bool good = true;
  for (auto _ : state) {
    for (auto& b : held) {
      b = Server::get(hide(std::size_t{32} << 10));
      good = good && use(b, std::size_t{32} << 10, 1);
    }
    for (auto& b : held)
      b = {};
  }
  fail_unless(state, good);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

using synk_tiers = tarn::power_of_two_tiers<1024, std::size_t{4} << 20>;

/// Architectures: `count` buffers of another size than those that are idle. Each burst meets a new
/// pool in which the larger blocks idle; only the burst is timed.
void skewed_pooled(benchmark::State& state) {
  const auto idle = static_cast<std::size_t>(state.range(0));
  const auto wanted = static_cast<std::size_t>(state.range(1));
  const auto count = static_cast<std::size_t>(state.range(2));
  bool good = true;
  std::uint64_t bought = 0;  // bursts that took memory from the source
  for (auto _ : state) {
    pool_of<synk_tiers> pool;
    std::vector<pool_of<synk_tiers>::buffer> held(count);
    for (auto& b : held)
      b = pool.get(idle);
    for (auto& b : held)
      b = {};
    const auto before = pool.snapshot().most_held_bytes;
    const auto begin = std::chrono::steady_clock::now();
    for (auto& b : held) {
      b = pool.get(wanted);
      good = good && use(b, wanted, 1);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(took.count());
    if (pool.snapshot().most_held_bytes != before) ++bought;
  }
  fail_unless(state, good);
  state.counters["bought"] =
      benchmark::Counter(static_cast<double>(bought), benchmark::Counter::kAvgIterations);
}

/// DeadRecovery: `range` buffers of 32 KiB after all idle memory went back to the source.
void recover_pooled(benchmark::State& state) {
  pool_of<synk_tiers> pool;
  std::vector<pool_of<synk_tiers>::buffer> held(static_cast<std::size_t>(state.range(0)));
  bool good = true;
  for (auto _ : state) {
    for (auto& b : held)
      b = {};
    pool.trim();
    const auto begin = std::chrono::steady_clock::now();
    for (auto& b : held) {
      b = pool.get(std::size_t{32} << 10);
      good = good && use(b, std::size_t{32} << 10, 1);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(took.count());
  }
  fail_unless(state, good);
}

// --- Go-CacheX -----------------------------------------------------------------------------------

struct cache_item {
  std::string key;
  std::string value;
  std::int64_t ttl = 0;
  std::int64_t created = 0;
  std::int64_t accessed = 0;

  void reset() noexcept {
    key.clear();
    value.clear();
    ttl = created = accessed = 0;
  }
};
using map = std::map<std::string, std::string>;
using text = std::vector<char>;

template <class T>
struct plain_object {
  static constexpr const char* name = "new";
  static std::unique_ptr<T> get() { return std::make_unique<T>(); }
};
template <class T>
struct pooled_object {
  static constexpr const char* name = "pool";
  static auto get() {
    static tarn::object_pool<T> pool;
    return pool.get();
  }
};

template <class Server>
void fill_item(benchmark::State& state) {
  bool good = true;
  for (auto _ : state) {
    auto item = Server::get();
    good = good && item->key.empty() && item->created == 0;
    item->key = "a key that is too long for the small string";
    item->value = "and a value that is at least as long as that";
    item->created = item->accessed = 1;
    barrier();
  }
  fail_unless(state, good);
}

template <class Server>
void fill_map(benchmark::State& state) {
  bool good = true;
  for (auto _ : state) {
    auto m = Server::get();
    good = good && m->empty();
    (*m)["one"] = "first";
    (*m)["two"] = "second";
    barrier();
    good = good && m->size() == 2;
  }
  fail_unless(state, good);
}

template <class Server>
void fill_buffer(benchmark::State& state) {
  bool good = true;
  for (auto _ : state) {
    auto buffer = Server::get();
    good = good && buffer->empty();
    buffer->reserve(1024);
    for (const char c : {'t', 'e', 's', 't'})
      buffer->push_back(c);
    barrier();
    good = good && buffer->size() == 4;
  }
  fail_unless(state, good);
}

// --- registration --------------------------------------------------------------------------------

using work = void (*)(benchmark::State&);

benchmark::internal::Benchmark* add(const std::string& name, const char* server, work what) {
  return benchmark::RegisterBenchmark((name + "/" + server).c_str(), what);
}

template <class Server>
void add_portask() {
  add("portask/parallel_1KiB", Server::name, write_ten<Server>)->Threads(1)->Threads(2);
}

template <class Server>
void add_bytepool() {
  auto* const sizes = add("bytepool/get", Server::name, one_size<Server>)->ArgName("size");
  for (const int size : {128, 1024, 4096, 16384, 65536})
    sizes->Arg(size);
  add("bytepool/concurrent", Server::name, one_size<Server>)
      ->ArgName("size")
      ->Arg(4096)
      ->Threads(2);
  add("bytepool/different_sizes", Server::name, different_sizes<Server>);
  add("bytepool/high_contention", Server::name, one_size<Server>)
      ->ArgName("size")
      ->Arg(1024)
      ->Threads(8);  // four times the processors of the smallest machine
}

template <class Server>
void add_takhin() {
  auto* const sizes = add("takhin/get", Server::name, one_size<Server>)->ArgName("size");
  for (const int size : {1 << 10, 64 << 10, 1 << 20})
    sizes->Arg(size);
  add("takhin/hundred_filled", Server::name, hundred_filled<Server>);
}

template <class Server>
void add_synk() {
  add("synk/get_all", Server::name, get_all<Server>)->ArgName("to")->Arg(2 << 20)->Arg(4 << 20);
  add("synk/concurrent_mix", Server::name, concurrent_mix<Server>)
      ->ArgName("work")
      ->Arg(0)
      ->Arg(1)
      ->Threads(1)
      ->Threads(2)
      ->Threads(8)
      ->Threads(16)
      ->Threads(32);
  add("synk/bursts", Server::name, bursts<Server>)->ArgName("at_once")->Arg(16)->Threads(1);
  add("synk/bursts", Server::name, bursts<Server>)->ArgName("at_once")->Arg(8)->Threads(8);
}

void add_synk_pools() {
  constexpr std::int64_t kib = 1024;
  add("synk/skewed", "pool", skewed_pooled)
      ->ArgNames({"idle", "wanted", "at_once"})
      ->Args({4 * kib, 2 * kib, 16})
      ->Args({8 * kib, 3 * kib, 16})
      ->Args({256 * kib, 32 * kib, 64})
      ->Args({2048 * kib, 2 * kib, 1})
      ->Args({2048 * kib, 2 * kib, 32})
      ->UseManualTime();
  add("synk/recover", "pool", recover_pooled)->ArgName("at_once")->Arg(64)->UseManualTime();
}

template <template <class> class Server>
void add_cachex() {
  add("cachex/item", Server<cache_item>::name, fill_item<Server<cache_item>>);
  add("cachex/map", Server<map>::name, fill_map<Server<map>>);
  add("cachex/buffer", Server<text>::name, fill_buffer<Server<text>>);
}

// --- buffers that are shared, written and joined -------------------------------------------------

/// bytepool's BufferReuse: a counted buffer, a view of it, a byte, and back.
void share_pooled(benchmark::State& state) {
  static tarn::byte_pool<> pool;
  bool good = true;
  for (auto _ : state) {
    auto b = pool.get_shared(hide(static_cast<std::size_t>(state.range(0))));
    b.make_unique()[0] = std::byte{1};
    const auto lease = b.lease();
    barrier();
    good = good && lease.bytes()[0] == std::byte{1};
  }
  fail_unless(state, good);
}
void share_plain(benchmark::State& state) {
  bool good = true;
  for (auto _ : state) {
    auto b =
        std::make_shared_for_overwrite<std::byte[]>(hide(static_cast<std::size_t>(state.range(0))));
    b[0] = std::byte{1};
    const auto lease = b;
    barrier();
    good = good && lease[0] == std::byte{1};
  }
  fail_unless(state, good);
}

/// Portask's FastBuffer: clear, then 26 bytes.
template <class Writer>
void write_text(benchmark::State& state) {
  Writer out;
  bool good = true;
  for (auto _ : state) {
    out.clear();
    out.append(std::string_view("abcdefghijklmnopqrstuvwxyz"));
    barrier();
    good = good && out.size() == 26;
  }
  fail_unless(state, good);
}

/// Go-CacheX' StringJoin of 5, 50 and 200 parts.
struct pooled_join {
  static auto of(const std::vector<std::string_view>& parts) { return tarn::join(parts, ","); }
};
struct plain_join {
  static std::string of(const std::vector<std::string_view>& parts) {
    std::string all;
    for (const auto& part : parts) {
      if (!all.empty()) all += ',';
      all += part;
    }
    return all;
  }
};
template <class Join>
void join_parts(benchmark::State& state) {
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i != state.range(0); ++i)
    texts.push_back("part " + std::to_string(i));
  const std::vector<std::string_view> parts(texts.begin(), texts.end());
  bool good = true;
  for (auto _ : state) {
    const auto joined = Join::of(parts);
    barrier();
    good = good && joined.size() > parts.size();
  }
  fail_unless(state, good);
}

/// Go-CacheX' ValueCopy and MapCopy, which compare what was copied.
struct pooled_copy {
  static auto of_value(const std::string& value) { return tarn::copy_value(value); }
  static auto of_map(const map& from) { return tarn::copy_map(from); }
};
struct plain_copy {
  static std::vector<char> of_value(const std::string& value) {
    return {value.begin(), value.end()};
  }
  static map of_map(const map& from) { return from; }
};
template <class Copy>
void copy_values(benchmark::State& state) {
  const std::string value(static_cast<std::size_t>(state.range(0)), 'v');
  bool good = true;
  for (auto _ : state) {
    const auto copy = Copy::of_value(value);
    barrier();
    good = good && copy.size() == value.size() &&
           std::memcmp(copy.data(), value.data(), value.size()) == 0;
  }
  fail_unless(state, good);
}
template <class Copy>
void copy_maps(benchmark::State& state) {
  map from;
  for (std::int64_t i = 0; i != state.range(0); ++i) {
    from["key " + std::to_string(i)] = "a value that a small string cannot hold";
  }
  bool good = true;
  for (auto _ : state) {
    const auto copy = Copy::of_map(from);
    barrier();
    good = good && copy.size() == from.size();
  }
  fail_unless(state, good);
}

// --- rings ---------------------------------------------------------------------------------------

struct free_ring {
  static constexpr const char* name = "lock_free";
  using type = tarn::ring_queue<int>;
};
struct locked_ring {
  static constexpr const char* name = "locked";
  using type = tarn::locked_ring_queue<int, std::mutex>;
};
/// One ring for all threads of a benchmark.
template <class Ring>
typename Ring::type& ring_of_all() {
  static typename Ring::type ring(1000);
  return ring;
}

template <class Ring>
void push_to_ring(benchmark::State& state) {
  auto& ring = ring_of_all<Ring>();
  int value = 0;
  for (auto _ : state)
    ring.push(++value);
  bench::check(state, !ring.empty(), "the ring lost all values");
  state.SetItemsProcessed(state.iterations());
}
template <class Ring>
void copy_of_ring(benchmark::State& state) {
  auto& ring = ring_of_all<Ring>();
  while (!ring.full())
    ring.push(1);
  std::size_t seen = 0;
  for (auto _ : state)
    seen += ring.values().size();
  bench::check(state, seen != 0, "the ring lost all values");
}
/// Half of the threads push, the others pop.
void mix_in_ring(benchmark::State& state) {
  auto& ring = ring_of_all<locked_ring>();
  const bool pushes = state.thread_index() % 2 == 0;
  int value = 0;
  for (auto _ : state) {
    if (pushes) {
      ring.push(++value);
    } else {
      benchmark::DoNotOptimize(ring.try_pop(value));
    }
  }
  state.SetItemsProcessed(state.iterations());
}

template <class Ring>
void add_ring() {
  add("bytepool/ring_push", Ring::name, push_to_ring<Ring>)->Threads(1)->Threads(2)->Threads(8);
  add("bytepool/ring_copy", Ring::name, copy_of_ring<Ring>)->Threads(1)->Threads(2);
}

void add_copies() {
  for (auto* b : {add("cachex/copy_value", "pool", copy_values<pooled_copy>),
                  add("cachex/copy_value", "new", copy_values<plain_copy>)}) {
    b->Arg(100)->Arg(2048)->Arg(8192);
  }
  for (auto* b : {add("cachex/copy_map", "pool", copy_maps<pooled_copy>),
                  add("cachex/copy_map", "new", copy_maps<plain_copy>)}) {
    b->Arg(2)->Arg(50)->Arg(200);
  }
}

void add_buffers() {
  for (auto* b :
       {add("bytepool/share", "pool", share_pooled), add("bytepool/share", "new", share_plain)}) {
    for (const int size : {128, 1024, 4096, 16384, 65536})
      b->Arg(size);
  }
  add("portask/fast_buffer", "pool", write_text<tarn::fast_buffer>);
  add("portask/fast_buffer", "new", write_text<std::string>);
  for (auto* b : {add("cachex/join", "pool", join_parts<pooled_join>),
                  add("cachex/join", "new", join_parts<plain_join>)}) {
    b->Arg(5)->Arg(50)->Arg(200);
  }
}

}  // namespace

int main(int argc, char** argv) {
  using tarn::zeroing;
  add_portask<pooled<tarn::power_of_two_tiers<>>>();
  add_portask<plain>();
  add_bytepool<pooled<tarn::power_of_two_tiers<>>>();
  add_bytepool<plain>();
  add_cachex<pooled_object>();
  add_cachex<plain_object>();
  add_buffers();
  add_copies();
  add_ring<free_ring>();
  add_ring<locked_ring>();
  add("bytepool/ring_mixed", locked_ring::name, mix_in_ring)->Threads(4);
  add_takhin<pooled<tarn::kafka_tiers>>();
  add_takhin<pooled<tarn::kafka_tiers, zeroing::on_put>>();
  add_takhin<plain>();
  add_takhin<plain_zeroed>();
  add_synk<pooled<synk_tiers>>();
  add_synk<plain>();
  add_synk_pools();
  return bench::run_benchmarks(argc, argv);
}
