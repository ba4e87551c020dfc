// SPDX-License-Identifier: MIT
//
// Question: which allocator is ahead under the loads of servers, and how much memory does each
// take?
//
// Each load runs for a fixed time in a process of its own, with pools by hand and with the malloc
// of the system, mimalloc, jemalloc and tcmalloc, as far as they are installed. Their processes
// alternate. Both get the size back: pools in `deallocate`, the allocators by the sized `operator
// delete`. One byte of each page of a block is written, and its last byte. The shapes of the loads
// are those of larson, xmalloc-test and mstress from mimalloc-bench; the code is our own.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/per_cpu.hpp>

#include "support/children.hpp"
#include "support/load_report.hpp"
#include "support/options.hpp"
#include "support/ratio.hpp"

namespace {

using bench::measurements;
using std::chrono::steady_clock;

constexpr std::size_t kib = 1024;

// --- subjects: get(size) and put(block, size), from any thread -----------------------------------

struct on_heap {
  static void* get(std::size_t size) { return ::operator new(size); }
  static void put(void* p, std::size_t size) noexcept { ::operator delete(p, size); }
};

template <class Pool>
class in_pool {
 public:
  void* get(std::size_t size) { return pool_.allocate(size); }
  void put(void* p, std::size_t size) noexcept { pool_.deallocate(p, size); }

 private:
  Pool pool_;
};

/// Four tiers for each doubling from 64 B to 64 KiB, where `power_of_two_tiers` has one.
template <std::size_t... I>
tarn::fixed_tiers<(4 + I % 4) << (4 + I / 4)...> tiers_of(std::index_sequence<I...>);
using fine_tiers = decltype(tiers_of(std::make_index_sequence<41>{}));

template <class Lock, class Tiers = tarn::power_of_two_tiers<>>
using pool_with =
    in_pool<tarn::byte_pool<Lock, tarn::counting_stats, tarn::traits<Tiers, tarn::no_check>>>;

// --- what a thread does --------------------------------------------------------------------------

/// Even numbers from a few instructions (xorshift, Marsaglia 2003).
class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  /// Returns: a number from `first` to `last`.
  std::size_t between(std::size_t first, std::size_t last) noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return first + static_cast<std::size_t>(((state_ >> 32) * (last - first + 1)) >> 32);
  }

 private:
  std::uint64_t state_;
};

/// How long single gets took: one of 64 is timed, in steps of an eighth.
class latencies {
 public:
  void add(std::uint64_t nanoseconds) noexcept {
    const auto n = std::max<std::uint64_t>(nanoseconds, 8);
    const auto high = static_cast<unsigned>(std::bit_width(n)) - 4;
    ++counts_[std::min<std::size_t>(high * 8 + ((n >> high) & 7), counts_.size() - 1)];
  }
  void add(const latencies& other) noexcept {
    for (std::size_t i = 0; i != counts_.size(); ++i)
      counts_[i] += other.counts_[i];
  }
  /// The nanoseconds that `part` of the gets did not exceed.
  [[nodiscard]] double at(double part) const noexcept {
    std::uint64_t all = 0;
    for (const auto n : counts_)
      all += n;
    auto left = static_cast<double>(all) * part;
    std::size_t i = 0;
    for (; i + 1 != counts_.size() && left > static_cast<double>(counts_[i]); ++i)
      left -= static_cast<double>(counts_[i]);
    return static_cast<double>((8 + i % 8 + 1) << (i / 8));
  }

 private:
  std::array<std::uint64_t, 320> counts_{};
};

struct block {
  void* address = nullptr;
  std::size_t bytes = 0;
};

/// What the threads of a load share: which part of it runs, and what they have done.
class run_state {
 public:
  enum class phase { warming, measuring, ended };

  [[nodiscard]] phase now() const noexcept { return phase_.load(std::memory_order::relaxed); }
  void enter(phase next) noexcept { phase_.store(next, std::memory_order::relaxed); }

  void add(std::uint64_t gets, const latencies& times) {
    const std::lock_guard lock(mutex_);
    gets_ += gets;
    times_.add(times);
  }
  // After the threads have ended.
  [[nodiscard]] std::uint64_t gets() const noexcept { return gets_; }
  [[nodiscard]] const latencies& times() const noexcept { return times_; }

 private:
  std::atomic<phase> phase_{phase::warming};
  std::mutex mutex_;
  std::uint64_t gets_ = 0;
  latencies times_;
};

/// A subject as one thread uses it: counts its gets while the load is measured, and times some.
template <class Subject>
class user {
 public:
  user(Subject& subject, run_state& state) noexcept : subject_(subject), state_(state) {}
  user(const user&) = delete;
  user& operator=(const user&) = delete;
  ~user() { state_.add(begin_ != not_yet ? gets_ - begin_ : 0, times_); }

  /// Whether the thread is to go on; to be asked between rounds of some microseconds.
  [[nodiscard]] bool goes_on() noexcept {
    const auto now = state_.now();
    if (now == run_state::phase::measuring && begin_ == not_yet) {
      begin_ = gets_;
      times_ = {};
    }
    return now != run_state::phase::ended;
  }
  [[gnu::always_inline]] block get(std::size_t bytes) {
    void* p = nullptr;
    if ((++gets_ & 63) == 0) {
      const auto begin = steady_clock::now();
      p = subject_.get(bytes);
      times_.add(static_cast<std::uint64_t>((steady_clock::now() - begin).count()));
    } else {
      p = subject_.get(bytes);
    }
    for (std::size_t at = 0; at < bytes; at += page)
      static_cast<volatile char*>(p)[at] = 1;
    static_cast<volatile char*>(p)[bytes - 1] = 1;
    return {p, bytes};
  }
  [[gnu::always_inline]] void put(const block& b) noexcept {
    if (b.address != nullptr) subject_.put(b.address, b.bytes);
  }

 private:
  static constexpr std::uint64_t not_yet = ~std::uint64_t{0};
  static constexpr std::size_t page = 4 * kib;

  Subject& subject_;
  run_state& state_;
  std::uint64_t gets_ = 0;
  std::uint64_t begin_ = not_yet;
  latencies times_;
};

constexpr std::size_t round_gets = 64;  // between two looks at the phase

// --- loads: run by `threads` threads until the state ends
// -----------------------------------------

/// Random blocks of a fixed number are replaced.
template <std::size_t Smallest, std::size_t Largest, std::size_t Live>
struct replace {
  template <class Subject>
  static void run(Subject& subject, run_state& state, std::size_t number) {
    user<Subject> own(subject, state);
    dice random(number + 1);
    std::vector<block> live(Live);
    while (own.goes_on()) {
      for (std::size_t i = 0; i != round_gets; ++i) {
        auto& b = live[random.between(0, Live - 1)];
        own.put(b);
        b = own.get(random.between(Smallest, Largest));
      }
    }
    for (const auto& b : live)
      own.put(b);
  }
};

/// As `replace`, but a thread ends after `Gets` gets, and a new one goes on with its blocks: a
/// server with a thread for each connection (Larson and Krishnan, 1998).
template <std::size_t Live, std::size_t Gets>
struct larson {
  template <class Subject>
  static void run(Subject& subject, run_state& state, std::size_t number) {
    std::vector<block> live(Live);
    for (std::size_t turn = 0; state.now() != run_state::phase::ended; ++turn) {
      std::thread([&] {
        user<Subject> own(subject, state);
        dice random(number * 1000003 + turn);
        for (std::size_t done = 0; done < Gets && own.goes_on(); done += round_gets) {
          for (std::size_t i = 0; i != round_gets; ++i) {
            auto& b = live[random.between(0, Live - 1)];
            own.put(b);
            b = own.get(random.between(8, 1000));
          }
        }
      }).join();
    }
    user<Subject> own(subject, state);
    for (const auto& b : live)
      own.put(b);
  }
};

/// Batches of blocks on their way from a thread to another.
class batches {
 public:
  static constexpr std::size_t most = 64;
  /// Adds a batch, and leaves the argument empty. Returns: false if there is no room for it;
  /// `batch` is unchanged then.
  bool push(std::vector<block>& batch) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() == most) return false;
    waiting_.push_back(std::move(batch));
    return true;
  }
  /// Takes a batch. Returns: false if no batch waits; `batch` is unchanged then.
  bool pop(std::vector<block>& batch) {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return false;
    std::swap(batch, waiting_.back());
    waiting_.pop_back();
    return true;
  }

 private:
  std::mutex mutex_;
  std::vector<std::vector<block>> waiting_;
};

/// Of each `Of` threads `Producers` only get, and the others only put. Batches of 100 blocks pass
/// between them. 1 of 2 is the shape of xmalloc-test.
template <std::size_t Producers, std::size_t Of, std::size_t Largest>
struct one_way {
  template <class Subject>
  static void run(Subject& subject, run_state& state, std::size_t number) {
    static batches queue;
    user<Subject> own(subject, state);
    dice random(number + 1);
    std::vector<block> batch;
    if (number % Of < Producers) {
      while (own.goes_on()) {
        batch.reserve(100);
        while (batch.size() != 100)
          batch.push_back(own.get(random.between(16, Largest)));
        while (!queue.push(batch) && own.goes_on())
          std::this_thread::yield();
        if (!own.goes_on()) break;
        batch = {};
      }
    } else {
      while (own.goes_on()) {
        if (!queue.pop(batch)) {
          std::this_thread::yield();
          continue;
        }
        for (const auto& b : batch)
          own.put(b);
        batch.clear();
      }
      batch.clear();
    }
    // Each thread empties the queue after its last push, so the last thread leaves it empty.
    do {
      for (const auto& b : batch)
        own.put(b);
      batch.clear();
    } while (queue.pop(batch));
  }
};

/// Some blocks stay with their thread, others are exchanged with all threads; sizes are small with
/// a few large ones (the shape of mimalloc's mstress).
struct mstress {
  template <class Subject>
  static void run(Subject& subject, run_state& state, std::size_t number) {
    // A block's first word holds its size.
    static std::array<std::atomic<void*>, 1000> exchange{};
    user<Subject> own(subject, state);
    dice random(number + 1);
    std::vector<void*> retained;
    std::size_t next = 0;
    const auto put = [&](void* p) {
      if (p != nullptr) own.put({p, *static_cast<std::size_t*>(p)});
    };
    const auto get = [&] {
      auto bytes = std::size_t{16} << random.between(0, 5);
      if (random.between(0, 99) == 0) bytes *= 100;
      bytes = random.between(bytes, 2 * bytes);
      const auto b = own.get(bytes);
      *static_cast<std::size_t*>(b.address) = bytes;
      return b.address;
    };
    while (own.goes_on()) {
      for (std::size_t i = 0; i != round_gets; ++i) {
        if (random.between(0, 3) == 0 && retained.size() < 4000) {
          retained.push_back(get());
        } else if (random.between(0, 1) == 0 && !retained.empty()) {
          next = random.between(0, retained.size() - 1);
          put(retained[next]);
          retained[next] = get();
        } else {
          put(exchange[random.between(0, exchange.size() - 1)].exchange(get()));
        }
      }
      // Now and then half of what is retained goes at once, as a request that ends.
      if (random.between(0, 255) == 0) {
        for (std::size_t half = retained.size() / 2; half != 0; --half) {
          put(retained.back());
          retained.pop_back();
        }
      }
    }
    for (void* const p : retained)
      put(p);
    for (auto& slot : exchange)
      put(slot.exchange(nullptr));
  }
};

// --- one process ---------------------------------------------------------------------------------

/// The resident memory of this process, in MiB.
[[nodiscard]] double resident_mib() {
  unsigned long all = 0;
  unsigned long resident = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  const bool good = std::fscanf(file, "%lu %lu", &all, &resident) == 2;
  std::fclose(file);
  return good ? static_cast<double>(resident) * 4 / kib : 0;
}

template <class Load, class Subject>
void measure(std::size_t threads, std::chrono::milliseconds span) {
  using phase = run_state::phase;
  const auto before = resident_mib();
  Subject subject;
  run_state state;
  std::vector<std::thread> all;
  for (std::size_t i = 0; i != threads; ++i)
    all.emplace_back([&, i] { Load::run(subject, state, i); });
  double peak = 0;
  double sum = 0;
  double samples = 0;
  const auto run_for = [&](phase now, std::chrono::milliseconds time) {
    const auto begin = steady_clock::now();
    state.enter(now);
    do {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const auto resident = std::max(resident_mib() - before, 0.0);
      peak = std::max(peak, resident);
      if (now == phase::warming) continue;
      sum += resident;
      ++samples;
    } while (steady_clock::now() - begin < time);
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
  };
  run_for(phase::warming, span / 2);
  const auto seconds = run_for(phase::measuring, span);
  state.enter(phase::ended);
  for (auto& t : all)
    t.join();
  bench::say("speed", {static_cast<double>(state.gets()) / seconds / 1e6});
  bench::say("peak", {peak});
  bench::say("mean", {sum / samples});
  bench::say("p999", {state.times().at(0.999)});
}

struct load {
  const char* name;
  const char* what;
  std::size_t threads;
  /// Measures `subject`. Returns: false if it is not known.
  bool (*measure)(std::string_view subject, std::size_t threads, std::chrono::milliseconds span);
};

struct subject {
  const char* name;
  const char* what;
};
constexpr subject pools[] = {{"tarn", "thread_cached, power_of_two_tiers"},
                             {"tarn_fine", "thread_cached, four tiers a doubling"},
                             {"tarn_per_cpu", "per_cpu, power_of_two_tiers"}};

template <class Load>
bool measure_on(std::string_view subject, std::size_t threads, std::chrono::milliseconds span) {
  if (subject == "malloc") {
    measure<Load, on_heap>(threads, span);
  } else if (subject == "tarn") {
    measure<Load, pool_with<tarn::thread_cached<>>>(threads, span);
  } else if (subject == "tarn_fine") {
    measure<Load, pool_with<tarn::thread_cached<>, fine_tiers>>(threads, span);
  } else if (subject == "tarn_per_cpu") {
    measure<Load, pool_with<tarn::per_cpu<>>>(threads, span);
  } else {
    return false;
  }
  return true;
}

using to_64k = replace<1, 64 * kib, 1000>;
using to_4k = replace<1, 4 * kib, 100>;
constexpr load loads[] = {
    {"random_64k", "sizes to 64 KiB, 1,000 live", 1, measure_on<to_64k>},
    {"random_64k_2", "sizes to 64 KiB, 1,000 live each", 2, measure_on<to_64k>},
    {"larson", "8 to 1,000 B, 1,000 live, threads end", 2, measure_on<larson<1000, 100000>>},
    {"short_threads", "8 to 1,000 B, threads of 256 gets", 2, measure_on<larson<100, 256>>},
    {"xmalloc", "one only gets, one only puts, to 1 KiB", 2, measure_on<one_way<1, 2, kib>>},
    {"one_to_eight", "one gets, eight put, to 4 KiB", 9, measure_on<one_way<1, 9, 4 * kib>>},
    {"eight_to_one", "eight get, one puts, to 4 KiB", 9, measure_on<one_way<8, 9, 4 * kib>>},
    {"mstress", "retained and exchanged blocks", 2, measure_on<mstress>},
    {"crowd_2", "sizes to 4 KiB, 100 live each", 2, measure_on<to_4k>},
    {"crowd_16", "sizes to 4 KiB, 100 live each", 16, measure_on<to_4k>},
    {"crowd_64", "sizes to 4 KiB, 100 live each", 64, measure_on<to_4k>},
};

int measure_one(const std::string& words) {
  // load:subject:milliseconds
  const auto first = words.find(':');
  const auto second = words.find(':', first + 1);
  if (second == std::string::npos) return 2;
  const std::chrono::milliseconds span(std::atoi(words.c_str() + second + 1));
  for (const auto& l : loads) {
    if (words.compare(0, first, l.name) != 0) continue;
    const auto subject = words.substr(first + 1, second - first - 1);
    return l.measure(subject, l.threads, span) ? 0 : 2;
  }
  return 2;
}

// --- all processes -------------------------------------------------------------------------------

int run_all(const bench::options& o) {
  const std::size_t rounds = o.smoke || o.quick ? 1 : 3;
  const auto milliseconds = o.smoke ? "10" : o.quick ? "300" : "700";
  bench::load_report report(bench::compiler());
  struct contender {
    std::string name;
    std::string measured_as;
    const char* library;
  };
  std::vector<contender> all;
  for (const auto& p : pools) {
    all.push_back({p.name, p.name, nullptr});
    report.add_subject(p.name, p.what, true);
  }
  for (const auto& a : bench::present_allocators()) {
    all.push_back({a.name, "malloc", a.library});
    report.add_subject(a.name, "sized operator delete", false);
  }
  bench::progress progress(std::size(loads) * rounds * all.size());
  for (const auto& l : loads) {
    std::map<std::string, measurements> measured;
    for (std::size_t round = 0; round != rounds; ++round) {
      for (const auto& c : all) {
        progress.step(l.name);
        const auto words = std::string(l.name) + ":" + c.measured_as + ":" + milliseconds;
        if (bench::run_child(c.library, words, measured[c.name])) continue;
        std::fprintf(stderr, "\na measuring process failed: %s with %s\n", words.c_str(),
                     c.name.c_str());
        return 1;
      }
    }
    report.add_load(l.name, l.what, l.threads, measured);
  }
  progress.end();
  report.print(o.smoke ? "SMOKE TEST: these numbers mean nothing" : "Loads");
  if (!o.chart.empty() && !report.draw(o.chart)) {
    std::fprintf(stderr, "no chart in %s: gnuplot is missing (Debian: gnuplot-nox) or failed\n",
                 o.chart.c_str());
  }
  return bench::write_results(o, [&](const std::string& path) { return report.write_json(path); });
}

}  // namespace

int main(int argc, char** argv) {
  const auto o = bench::options::parse(argc, argv);
  if (o.measure.empty()) return run_all(o);
  if (o.measure.rfind("loaded:", 0) == 0) return bench::is_mapped(o.measure.substr(7)) ? 0 : 1;
  return measure_one(o.measure);
}
