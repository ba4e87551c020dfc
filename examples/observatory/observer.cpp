// SPDX-License-Identifier: MIT
#include "observer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <tarn/compat/memory_stats.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/observe/process.hpp>
#include <tarn/observe/prometheus.hpp>

#include "../pipeline/text.hpp"
#include "findings.hpp"

namespace observatory {
namespace {

using pipeline::json_writer;
using pipeline::text;

std::string seconds_of(tarn::time_span t) {
  return text("%.3f", static_cast<double>(t.count()) / 1e9);
}

/// Bytes of blocks that are in use.
std::uint64_t used_bytes(const tarn::snapshot& s) {
  std::uint64_t sum = s.large.in_use_bytes;
  for (const auto& t : s.tiers)
    sum += t.in_use * t.stride_bytes;
  return sum;
}
/// Bytes that the pool holds, in use or idle.
std::uint64_t retained_bytes(const tarn::snapshot& s) {
  return s.slab_bytes + s.large.in_use_bytes + s.large.kept_bytes;
}

std::string process() {
  const auto memory = tarn::read_process();
  const auto heap = tarn::read_heap();
  json_writer o('{');
  if (memory.is_known) {
    o.add("resident_bytes", memory.resident).add("address_space_bytes", memory.address_space);
  }
  if (heap.is_known) o.add("heap_in_use_bytes", heap.in_use);
  return o.add("cpu_seconds", static_cast<double>(memory.cpu_nanoseconds) / 1e9).close();
}

std::string of_load(const load::numbers& n) {
  json_writer o('{');
  o.add("records", n.records)
      .add("uploads", n.uploads)
      .add("spikes", n.spikes)
      .add("sessions", n.sessions)
      .flag("is_spike", n.is_spike)
      .flag("leaks", n.leaks);
  if (!n.failure.empty()) o.add("failure", n.failure);
  return o.close();
}

}  // namespace

observer::observer(pools& of, const load& l, std::optional<unsigned> seconds,
                   const std::string& pressure)
    : pools_(of),
      load_(l),
      caretaker_(of, pressure),
      seconds_(seconds),
      ticker_([this](tarn::time_span now) { look(now); }) {
  began_ = tarn::wall_clock::now().steady;
  look(began_);
  ticker_.start(interval);
}

answer_bytes observer::state() const {
  const std::lock_guard hold(lock_);
  return state_;
}

void observer::look(tarn::time_span now) {
  caretaker_.tick(now);
  const auto seen = pools_.registry().snapshots();
  remember(now, seen);
  auto made = render(now, seen);
  const std::lock_guard hold(lock_);
  std::swap(state_, made);
}

void observer::remember(tarn::time_span now, std::span<const tarn::snapshot> seen) {
  sample s;
  s.time = now.count();
  s.given_back = tarn::read_memory_stats(pools_.registry()).heap_released;
  for (std::size_t i = 0; i != std::min(seen.size(), pools::count); ++i) {
    const auto sum = seen[i].total();
    s.gets += sum.gets;
    s.misses += sum.misses;
    s.used[i] = used_bytes(seen[i]);
    s.retained[i] = retained_bytes(seen[i]);
  }
  history_.push(s);
}

/// Rows of: seconds ago, gets, misses, bytes given back, and the used and retained bytes of each
/// pool.
std::string observer::history() const {
  const auto samples = history_.values();
  json_writer rows('[');
  for (const auto& s : samples) {
    json_writer row('[');
    row.raw(nullptr, seconds_of(tarn::time_span::of_nanoseconds(samples.back().time - s.time)))
        .add(nullptr, s.gets)
        .add(nullptr, s.misses)
        .add(nullptr, s.given_back);
    for (std::size_t i = 0; i != pools::count; ++i)
      row.add(nullptr, s.used[i]).add(nullptr, s.retained[i]);
    rows.raw(nullptr, row.close());
  }
  return rows.close();
}

answer_bytes observer::render(tarn::time_span now, std::span<const tarn::snapshot> seen) {
  const auto up = tarn::time_span::of_nanoseconds(now.count() - began_.count());
  json_writer head('{');
  head.raw("up_seconds", seconds_of(up)).raw("interval_seconds", seconds_of(interval));
  if (seconds_) head.add("ends_after_seconds", std::uint64_t{*seconds_});
  const auto broken = pools_.registry().validate();
  head.raw("broken", broken ? pipeline::quoted(broken->text) : "null")
      .raw("load", of_load(load_.read()))
      .raw("process", process())
      .raw("pressure", caretaker_.pressure(now))
      .raw("monitor", caretaker_.monitors(now))
      .raw("history", history())
      .raw("advice", advice_of(seen))
      .raw("suspects", suspects_of(pools_));
  auto all = head.close();
  all.pop_back();  // more members follow

  answer_writer out(pools_.answers);
  out.append(all);
  out.append(",\"snapshot\":");
  tarn::write_json(std::back_inserter(out), seen);
  out.append("}\n");
  return out.detach_shared();
}

}  // namespace observatory
