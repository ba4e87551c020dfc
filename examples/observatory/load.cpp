// SPDX-License-Identifier: MIT
#include "load.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <deque>
#include <limits>
#include <random>
#include <stdexcept>
#include <utility>

#include "../pipeline/run.hpp"
#include "../pipeline/text.hpp"

namespace observatory {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
constexpr double pi = 3.14159265358979;

/// The records at a pace that follows a wave, so that the pools have to adapt.
class pace {
 public:
  explicit pace(stop_signal& stop) : stop_(stop) {}

  struct stopped {};

  /// Waits until the next record is due. Throws: `stopped`.
  void step() {
    while (left_ == 0) {
      if (!stop_.sleep_until(next_)) throw stopped{};
      const auto now = clock::now();
      const double seconds = std::chrono::duration<double>(now - start_).count();
      const double rate = 60'000 * (1 + 0.6 * std::sin(2 * pi * seconds / 30));
      left_ = static_cast<std::size_t>(rate * std::chrono::duration<double>(tick).count());
      // Missed records are not made up for: a debugger or a slow machine causes no flood.
      next_ = std::max(next_ + tick, now);
    }
    --left_;
  }

 private:
  static constexpr auto tick = 10ms;

  stop_signal& stop_;
  clock::time_point start_ = clock::now();
  clock::time_point next_ = start_;
  std::size_t left_ = 0;
};

/// The pools of the records, as `pipeline::run` wants them, at a pace.
class paced_records {
 public:
  using unique = pools::records_type::unique;
  using shared = pools::records_type::shared;
  using writer = pools::records_type::writer;

  paced_records(pools::records_type& of, stop_signal& stop) : pools_(of), pace_(stop) {}

  [[nodiscard]] unique take(std::size_t size) {
    pace_.step();
    return pools_.take(size);
  }
  [[nodiscard]] static std::byte* bytes(const unique& m) { return pools::records_type::bytes(m); }
  static void share(unique&& m, std::array<shared, 2>& to) noexcept {
    pools::records_type::share(std::move(m), to);
  }

 private:
  pools::records_type& pools_;
  pace pace_;
};

/// An upload that is in use until its time is over.
struct upload {
  pools::upload_pool::buffer bytes;
  clock::time_point until;
};

void touch(pools::upload_pool::buffer& b) {
  // Writes a byte of each page: memory that is never touched takes no pages.
  for (std::size_t at = 0; at < b.size(); at += 4096)
    b[at] = std::byte{1};
}

constexpr std::size_t spike_bytes = std::size_t{96} << 20;
constexpr auto first_spike = 4s;
constexpr auto between_spikes = 25s;
constexpr auto spike_lasts = 3s;

constexpr double mean_sessions = 120;  // at a time
constexpr double sessions_swing = 40;
constexpr double session_wave_seconds = 60;
constexpr auto between_sessions = 200ms;
constexpr auto session_lasts = 170ms;

}  // namespace

load::load(pools& of, const std::string& path, bool leaks)
    : pools_(of), input_(path), leaks_(leaks) {
  parts_ = input_.next_slice();
  if (parts_.empty()) throw std::runtime_error("there is nothing to read in '" + path + "'");
}

load::~load() {
  stop_.give();
  for (auto& t : threads_)
    t.join();
}

void load::start() {
  threads_.reserve(3);
  threads_.emplace_back([this] { run_records(); });
  threads_.emplace_back([this] { run_uploads(); });
  threads_.emplace_back([this] { run_sessions(); });
}

load::numbers load::read() const {
  constexpr auto relaxed = std::memory_order_relaxed;
  numbers n;
  n.records = records_.load(relaxed);
  n.uploads = uploads_.load(relaxed);
  n.spikes = spikes_.load(relaxed);
  n.sessions = sessions_.load(relaxed);
  n.is_spike = is_spike_.load(relaxed);
  n.leaks = leaks_;
  const std::lock_guard hold(failure_lock_);
  n.failure = failure_;
  return n;
}

void load::run_records() {
  paced_records side(pools_.records, stop_);
  const auto forever = std::numeric_limits<std::uint64_t>::max();
  const pipeline::work job{parts_, input_.files, forever, 1, false};
  try {
    static_cast<void>(pipeline::run(job, side, [this](std::uint64_t through) {
      records_.store(through, std::memory_order_relaxed);
    }));
  } catch (const pace::stopped&) {
  } catch (const std::exception& error) {
    const std::lock_guard hold(failure_lock_);
    failure_ = error.what();
  }
}

void load::run_uploads() {
  std::mt19937_64 random(1);
  // Small sizes are more likely: each power of two up to a mebibyte is as likely as the next.
  std::uniform_real_distribution<double> power(11, 20);
  std::uniform_int_distribution<int> held(50, 500);
  std::deque<upload> out;
  std::vector<pools::upload_pool::buffer> spike;
  std::size_t in_spike = 0;
  std::uint64_t round = 0;
  const auto start = clock::now();
  auto next_spike = start + first_spike;
  auto end_of_spike = clock::time_point::max();

  const auto take = [&] {
    auto b = pools_.uploads.get(static_cast<std::size_t>(std::exp2(power(random))));
    touch(b);
    uploads_.fetch_add(1, std::memory_order_relaxed);
    return b;
  };
  const auto tell = [&](std::string message, std::size_t before, std::size_t now) {
    tarn::event e;
    e.pool = pools_.uploads.name();
    e.message = std::move(message);
    e.old_size = before;
    e.new_size = now;
    pools_.events.add_event(std::move(e));
  };
  try {
    for (auto next = start + 10ms; stop_.sleep_until(next);
         next = std::max(next, clock::now()) + 10ms) {
      const auto now = clock::now();
      ++round;
      std::erase_if(out, [&](const upload& u) { return u.until <= now; });
      for (int i = 0; i != 3; ++i)
        out.push_back({take(), now + std::chrono::milliseconds(held(random))});
      if (round % 1200 == 700) {  // an upload above the last tier
        out.push_back({pools_.uploads.get(std::size_t{5} << 20), now + 200ms});
      }
      if (leaks_ && round % 10 == 0) leak_one();

      if (now >= next_spike) {
        next_spike = now + between_spikes;
        end_of_spike = now + spike_lasts;
        in_spike = 0;
        is_spike_.store(true, std::memory_order_relaxed);
        spikes_.fetch_add(1, std::memory_order_relaxed);
        tell("a spike of uploads begins", 0, spike_bytes);
      }
      // Ends within half a second or so.
      for (std::size_t step = 0; end_of_spike != clock::time_point::max() &&
                                 in_spike < spike_bytes && step < spike_bytes / 50;) {
        spike.push_back(take());
        in_spike += spike.back().size();
        step += spike.back().size();
      }
      if (now >= end_of_spike) {
        end_of_spike = clock::time_point::max();
        spike.clear();
        is_spike_.store(false, std::memory_order_relaxed);
        tell("the spike is over, its memory is idle now", spike_bytes, 0);
      }
    }
  } catch (const std::exception& error) {
    const std::lock_guard hold(failure_lock_);
    failure_ = error.what();
  }
}

void load::run_sessions() {
  std::vector<pools::session_pool::handle> out;
  const auto start = clock::now();
  try {
    // Not at the same moment as a reader that looks at full seconds.
    for (auto next = start + between_sessions / 2; stop_.sleep_until(next);
         next = std::max(next + between_sessions, clock::now())) {
      const double seconds = std::chrono::duration<double>(clock::now() - start).count();
      const auto wanted = static_cast<std::size_t>(
          mean_sessions + sessions_swing * std::sin(2 * pi * seconds / session_wave_seconds));
      while (out.size() < wanted) {
        out.push_back(pools_.sessions.get());
        out.back()->front() = std::byte{1};
      }
      sessions_.fetch_add(wanted, std::memory_order_relaxed);
      const bool goes_on = stop_.sleep_until(clock::now() + session_lasts);
      out.clear();
      if (!goes_on) return;
    }
  } catch (const std::exception& error) {
    const std::lock_guard hold(failure_lock_);
    failure_ = error.what();
  }
}

/// An upload that a thread keeps and never uses again.
void load::leak_one() { leaked_.push_back(pools_.uploads.get(6000)); }

}  // namespace observatory
