// SPDX-License-Identifier: MIT
//
// Question: how much do shared buffers, fast buffers, messages and the pmr resource save against
// the code that one would write instead?
//
// Both sides run in one process, alternating. The same runs again with other allocators behind the
// other side, each in its own process.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tarn/fast_buffer.hpp>
#include <tarn/interop/pmr.hpp>
#include <tarn/message.hpp>
#include <tarn/message_pool.hpp>

#if __has_include(<fmt/format.h>)
#define FMT_HEADER_ONLY
#include <fmt/format.h>
#define BENCH_HAS_FMT 1
#else
#define BENCH_HAS_FMT 0
#endif

#include "support/children.hpp"
#include "support/options.hpp"
#include "support/ratio.hpp"
#include "support/report.hpp"
#include "support/two_threads.hpp"

namespace {

using bench::barrier;
using bench::hide;
using bench::keep;
using bench::ratios;
using bench::say;

// --- P5: the pmr resource ------------------------------------------------------------------------

[[nodiscard]] auto resource_pairs(std::pmr::memory_resource& resource) {
  return [&resource](std::size_t times) {
    for (; times != 0; --times) {
      void* p = resource.allocate(hide(100), 16);
      keep(p);
      *static_cast<unsigned char*>(p) = 1;
      keep(p);
      resource.deallocate(p, hide(100), 16);
      barrier();
    }
  };
}

void measure_pmr(const bench::effort& e) {
  std::pmr::synchronized_pool_resource theirs;
  tarn::byte_pool<tarn::thread_cached<>, tarn::no_stats> pool;
  tarn::pool_resource<decltype(pool)> ours(pool);
  auto peer = resource_pairs(theirs);
  auto subject = resource_pairs(ours);
  say("P5.one", ratios(e, subject, peer));
  if (std::thread::hardware_concurrency() < 2) return;
  bench::two_threads both;
  auto wall = e;
  wall.by = bench::clock::wall;
  wall.round *= 4;  // so that the order of the first round matters less
  say("P5.two", ratios(
                    wall, [&](std::size_t n) { both.run(subject, subject, n); },
                    [&](std::size_t n) { both.run(peer, peer, n); }));
}

// --- P7: from one thread to another --------------------------------------------------------------

/// Pointers from one thread to one other.
class ring {
 public:
  static constexpr std::size_t room = 1024;

  void push(void* p) noexcept {
    const auto at = tail_.load(std::memory_order::relaxed);
    while (at - head_.load(std::memory_order::acquire) == room) {
    }
    items_[at % room] = p;
    tail_.store(at + 1, std::memory_order::release);
  }
  [[nodiscard]] void* pop() noexcept {
    const auto at = head_.load(std::memory_order::relaxed);
    while (tail_.load(std::memory_order::acquire) == at) {
    }
    void* const p = items_[at % room];
    head_.store(at + 1, std::memory_order::release);
    return p;
  }

 private:
  alignas(128) std::atomic<std::size_t> tail_{0};
  alignas(128) std::atomic<std::size_t> head_{0};
  alignas(128) std::array<void*, room> items_{};
};

/// One thread gets, the other puts. `Subject` may do neither: then the ring alone is measured.
template <class Subject>
[[nodiscard]] auto hand_over(bench::two_threads& both, ring& r, Subject& subject) {
  return [&](std::size_t times) {
    both.run(
        [&](std::size_t n) {
          for (; n != 0; --n) {
            void* p = subject.get();
            *static_cast<unsigned char*>(p) = 1;
            r.push(p);
          }
        },
        [&](std::size_t n) {
          for (; n != 0; --n) {
            void* p = r.pop();
            keep(p);
            subject.put(p);
          }
        },
        times);
  };
}

void measure_hand_over(bench::effort e) {
  if (std::thread::hardware_concurrency() < 2) return;
  e.by = bench::clock::wall;
  e.round *= 4;
  struct nothing {
    alignas(64) unsigned char byte[64];
    void* get() noexcept { return byte; }
    void put(void*) noexcept {}
  } empty{};
  struct on_malloc {
    void* get() noexcept { return std::malloc(hide(100)); }
    void put(void* p) noexcept { std::free(p); }
  } theirs;
  struct on_pool {
    tarn::byte_pool<tarn::thread_cached<>, tarn::no_stats> pool;
    void* get() { return pool.allocate(hide(100)); }
    void put(void* p) noexcept { pool.deallocate(p, hide(100)); }
  } ours;
  bench::two_threads both;
  ring r;
  auto alone = hand_over(both, r, empty);
  auto peer = hand_over(both, r, theirs);
  auto subject = hand_over(both, r, ours);
  const auto n =
      std::max({bench::fitting(e, alone), bench::fitting(e, peer), bench::fitting(e, subject)});
  std::vector<double> values;
  for (std::size_t i = 0; i != e.rounds; ++i) {
    const auto ring_time = bench::time_of(e.by, alone, n);
    const auto ours_time = bench::time_of(e.by, subject, n) - ring_time;
    const auto theirs_time = bench::time_of(e.by, peer, n) - ring_time;
    // A difference below the noise of the ring counts as a twentieth of the ring, on either side.
    const auto least = ring_time / 20;
    values.push_back(std::max(theirs_time, least) / std::max(ours_time, least));
  }
  say("P7", values);
}

// --- P8: shared buffers --------------------------------------------------------------------------

void measure_shared(const bench::effort& e) {
  tarn::byte_pool<> pool;
  for (const std::size_t size : {std::size_t{100}, std::size_t{900}, std::size_t{1024},
                                 std::size_t{1100}, std::size_t{4096}}) {
    const auto subject = [&](std::size_t times) {
      for (; times != 0; --times) {
        auto b = pool.get_shared(hide(size));
        auto* p = b.data();
        keep(p);
        *const_cast<std::byte*>(p) = std::byte{1};
        barrier();
      }
    };
    const auto peer = [&](std::size_t times) {
      for (; times != 0; --times) {
        auto b = std::make_shared_for_overwrite<std::byte[]>(hide(size));
        auto* p = b.get();
        keep(p);
        *p = std::byte{1};
        barrier();
      }
    };
    say(("P8." + std::to_string(size)).c_str(), ratios(e, subject, peer));
  }
  bench::demand(pool.occupancy().in_use() == 0, "a shared buffer was lost");
}

// --- P9: writing ---------------------------------------------------------------------------------

/// Pieces of 9 to 16 bytes, as many as make a page, then all over again.
template <class Writer, class Append>
[[nodiscard]] auto appends(Writer& writer, Append append) {
  return [&writer, append](std::size_t times) {
    static const std::array<char, 64> text = [] {
      std::array<char, 64> made{};
      made.fill('x');
      return made;
    }();
    for (; times != 0; --times) {
      writer.clear();
      std::size_t length = 9;
      for (std::size_t written = 0; written < 4000; written += length) {
        length = 9 + (length * 5 + 3) % 8;
        append(writer, text.data(), hide(length));
      }
      barrier();
    }
  };
}

template <class Writer>
[[nodiscard]] auto single_bytes(Writer& writer) {
  return [&writer](std::size_t times) {
    for (; times != 0; --times) {
      writer.clear();
      for (std::size_t i = 0; i != 4000; ++i)
        writer.push_back(static_cast<char>(i));
      barrier();
    }
  };
}

void measure_writing(const bench::effort& e) {
  tarn::fast_buffer ours;
  std::string string;
  std::vector<char> vector;
  const auto to_ours = [](tarn::fast_buffer& w, const char* p, std::size_t n) {
    w.append(std::string_view(p, n));
  };
  const auto to_string = [](std::string& w, const char* p, std::size_t n) { w.append(p, n); };
  const auto to_vector = [](std::vector<char>& w, const char* p, std::size_t n) {
    w.insert(w.end(), p, p + n);
  };
  say("P9.string", ratios(e, appends(ours, to_ours), appends(string, to_string)));
  say("P9.vector", ratios(e, appends(ours, to_ours), appends(vector, to_vector)));
#if BENCH_HAS_FMT
  fmt::memory_buffer fmts;
  const auto to_fmt = [](fmt::memory_buffer& w, const char* p, std::size_t n) {
    w.append(p, p + n);
  };
  say("P9.fmt", ratios(e, appends(ours, to_ours), appends(fmts, to_fmt)));
#endif
  say("P9.bytes", ratios(e, single_bytes(ours), single_bytes(vector)));
  bench::demand(ours.size() == 4000, "bytes were lost");
}

// --- P10: messages -------------------------------------------------------------------------------

/// The code that one would write: owned strings and a map.
struct plain_message {
  std::uint64_t id = 0;
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::vector<std::byte> key, value;
  std::unordered_map<std::string, std::vector<std::byte>> headers;
  std::int64_t timestamp = 0;
  std::uint32_t checksum = 0;
};

[[nodiscard]] std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct content {
  std::string topic = std::string(24, 't');
  std::string key = std::string(16, 'k');
  std::string value = std::string(256, 'v');
  std::array<std::string, 3> names{"trace-id", "content-type", "origin"};
  std::array<std::string, 3> values{"4bf92f3577b34da6a3ce929d0e0e4736", "application/json", "eu"};
};

void measure_messages(const bench::effort& e) {
  const content c;
  tarn::message_pool<> pool;
  const auto ours = [&](std::size_t times) {
    for (; times != 0; --times) {
      auto m = pool.get();
      m->id = times;
      m->topic = c.topic;
      m->key.assign(bytes_of(c.key));
      m->value.assign(bytes_of(c.value));
      for (std::size_t i = 0; i != c.names.size(); ++i)
        m->headers.add(c.names[i], c.values[i]);
      auto* p = m.get();
      keep(p);
      barrier();
    }
  };
  const auto theirs = [&](std::size_t times) {
    for (; times != 0; --times) {
      auto* m = new plain_message;
      m->id = times;
      m->topic = c.topic;
      const auto key = bytes_of(c.key);
      const auto value = bytes_of(c.value);
      m->key.assign(key.begin(), key.end());
      m->value.assign(value.begin(), value.end());
      for (std::size_t i = 0; i != c.names.size(); ++i) {
        const auto header = bytes_of(c.values[i]);
        m->headers[c.names[i]].assign(header.begin(), header.end());
      }
      keep(m);
      barrier();
      delete m;
    }
  };
  say("P10", ratios(e, ours, theirs));
}

int run_all(const bench::options& o) {
  const std::size_t processes = o.smoke || o.quick ? 1 : 8;
  const std::string suffix = o.smoke ? "_smoke" : "";
  std::printf("compiler: %s\n", bench::compiler());
  if (!BENCH_HAS_FMT) std::printf("skipped: fmt::memory_buffer (Debian: libfmt-dev)\n");
  const auto present = bench::present_allocators();
  std::map<std::string, bench::measurements> all;
  for (std::size_t i = 0; i != processes; ++i) {
    for (const auto& a : present) {
      if (!bench::run_child(a.library, "buffers" + suffix, all[a.name])) {
        std::fprintf(stderr, "a measuring process failed\n");
        return 1;
      }
    }
  }

  bench::report report;
  const auto add = [&](const char* row, const std::string& key, const std::string& what,
                       std::optional<double> must, std::optional<double> aim,
                       const char* allocator = "glibc") {
    if (all[allocator][key].empty()) {
      std::printf("skipped: %s\n", what.c_str());
      return;
    }
    report.add({row, what, bench::good::above, must, aim, bench::summarise(all[allocator][key]),
                allocator});
  };
  // Repeats the measurement with the allocator that is best for the other side.
  const auto add_least = [&](const char* row, const std::string& key, const std::string& what,
                             std::optional<double> must, std::optional<double> aim) {
    const char* least = "glibc";
    double median = 1e9;
    for (const auto& a : present) {
      if (all[a.name][key].empty()) continue;
      const auto s = bench::summarise(all[a.name][key]);
      if (s.median < median) {
        median = s.median;
        least = a.name;
      }
    }
    add(row, key, what, must, aim, least);
  };
  add("P5", "P5.one", "pmr resource, faster than synchronized_pool_resource", 12, {});
  add("P5", "P5.two", "the same on 2 threads", 40, {});
  add_least("P7", "P7", "producer to consumer, faster than the best", 2, 4);
  for (const auto* size : {"100", "900", "1024", "1100", "4096"}) {
    const auto text = std::string("shared, ") + size + " B, faster than make_shared";
    const bool is_small = std::string(size) == "100" || std::string(size) == "900";
    const double must = is_small ? 2.5 : 6;  // with the overhead of shared_ptr, 1024 is above 1032
    add("P8", std::string("P8.") + size, text, must, {});
    add_least("P8", std::string("P8.") + size, "the same, with the best allocator below it", 1.5,
              {});
  }
  add("P9", "P9.string", "append 9-16 B, faster than std::string", 1.5, {});
  add("P9", "P9.vector", "append 9-16 B, faster than std::vector", 1, {});
  add("P9", "P9.fmt", "append 9-16 B, faster than fmt::memory_buffer", 1, {});
  add("P9", "P9.bytes", "single bytes, faster than std::vector", 0.95, {});
  add("P10", "P10", "message get, fill, put, faster than new and delete", 8, {});
  add_least("P10", "P10", "the same, with the best allocator below it", {}, {});
  report.print(o.smoke ? "SMOKE TEST: these numbers mean nothing" : "Figures");
  return bench::write_results(
      o, [&](const std::string& path) { return report.write_json(path, bench::compiler()); });
}

}  // namespace

int main(int argc, char** argv) {
  const auto o = bench::options::parse(argc, argv);
  if (o.measure.empty()) return run_all(o);
  if (o.measure.rfind("loaded:", 0) == 0) return bench::is_mapped(o.measure.substr(7)) ? 0 : 1;
  bench::pin(0);
  auto effort = bench::effort{4};
  if (o.measure.find("_smoke") != std::string::npos) effort = bench::effort::smoke();
  measure_pmr(effort);
  measure_hand_over(effort);
  measure_shared(effort);
  measure_writing(effort);
  measure_messages(effort);
  return 0;
}
