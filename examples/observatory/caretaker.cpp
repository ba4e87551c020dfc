// SPDX-License-Identifier: MIT
#include "caretaker.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <tarn/observe/prometheus.hpp>

#include "../pipeline/text.hpp"

namespace observatory {
namespace {

using pipeline::json_writer;
using pipeline::text;
using verdict = tarn::monitor_finding::verdict;

const char* name_of(verdict v) {
  return v == verdict::grow ? "grow" : v == verdict::shrink ? "shrink" : "keep";
}
const char* name_of(tarn::pressure_level level) {
  using enum tarn::pressure_level;
  return level == full ? "full" : level == some ? "some" : "none";
}

/// Adds the moment of an event, as wall-clock time and as the time since then.
json_writer& add_time(json_writer& o, tarn::time_span when, tarn::time_span now) {
  const auto wall = tarn::wall_clock::now().at(when);
  const auto seconds = [](std::int64_t ns) { return text("%.3f", static_cast<double>(ns) / 1e9); };
  return o.raw("wall_seconds", seconds(wall.count()))
      .raw("seconds_ago", seconds(now.count() - when.count()));
}

json_writer as_json(const tarn::monitor_finding& f, std::size_t size) {
  json_writer o('{');
  o.add("size_bytes", std::uint64_t{size})
      .add("verdict", std::string(name_of(f.what)))
      .add("gets", f.gets)
      .add("hit_rate", f.hit_rate)
      .add("old_size", std::uint64_t{f.old_size})
      .add("new_size", std::uint64_t{f.new_size})
      .flag("done", f.done);
  return o;
}

std::variant<tarn::psi_source, tarn::cgroup_source> source_of(const std::string& file) {
  if (!file.empty()) return tarn::psi_source(file);
  if (!tarn::psi_source().read().available()) {
    const auto cgroup = tarn::cgroup_source::of_this_process();
    if (cgroup.read().available()) return cgroup;
  }
  return tarn::psi_source();
}

}  // namespace

pressure_gauge::pressure_gauge(const std::string& file, std::shared_ptr<reading> last)
    : source_(source_of(file)), last_(std::move(last)) {
  if (const auto* psi = std::get_if<tarn::psi_source>(&source_)) {
    last_->source = psi->path();
  } else {
    last_->source = std::get<tarn::cgroup_source>(source_).folder();
    last_->is_of_cgroup = true;
  }
}

tarn::pressure_reading pressure_gauge::read() {
  tarn::pressure_reading& last = *last_;
  last = std::visit([](auto& source) { return source.read(); }, source_);
  return last;
}

tarn::pressure_thresholds pressure_gauge::defaults() const {
  return std::visit([](const auto& source) { return source.defaults(); }, source_);
}

caretaker::caretaker(pools& of, const std::string& pressure_file)
    : pools_(of), watch_(pressure_gauge(pressure_file, reading_), relief, of.registry()) {
  fit(of.answers);
  fit(of.records.messages());
  fit(of.records.payloads());
  fit(of.sessions);
  fit(of.uploads);
}

template <class Pool>
void caretaker::fit(Pool& pool) {
  const auto seen = pool.snapshot();
  auto options = fitting;
  options.auto_resize = std::any_of(seen.tiers.begin(), seen.tiers.end(), [](const auto& t) {
    return t.max_idle != tarn::tier_occupancy::no_bound;
  });
  auto made = std::make_shared<tarn::monitor<Pool>>(pool, options);
  watched w{seen.name, [made] { return made->check(); }, options.auto_resize};
  for (const auto& t : seen.tiers)
    w.sizes.push_back(t.size_bytes);
  monitors_.push_back(std::move(w));
}

void caretaker::tick(tarn::time_span now) {
  relieve(now);
  if (now.count() < due_) return;
  // Counts from the time when the tick was due: a tick that comes a little late does not delay the
  // next one.
  due_ = std::max(due_, now.count() - looks_every.count()) + looks_every.count();
  for (auto& w : monitors_) {
    w.last_look = w.check();
    ++w.looks;
    for (const auto& f : w.last_look) {
      if (!f.done) continue;
      ++w.changes;
      w.last_change = change{f, now};
    }
  }
}

void caretaker::relieve(tarn::time_span now) {
  const auto level_before = watch_.level();
  const auto before = watch_.numbers();
  const auto level = watch_.tick(now);
  const auto after = watch_.numbers();
  if (after.trims != before.trims) {
    const auto bytes = after.trimmed_bytes - before.trimmed_bytes;
    last_trim_ = trim{level, bytes, now};
    tell(text("memory pressure, %s: all pools trimmed, %llu bytes went back", name_of(level),
              static_cast<unsigned long long>(bytes)),
         0, bytes);
  }
  if (level == tarn::pressure_level::none && level_before != level) {
    tell("memory pressure is over", 0, 0);
  }
}

void caretaker::tell(std::string message, std::size_t before, std::size_t after) {
  tarn::event e;
  e.pool = "all pools";
  e.message = std::move(message);
  e.old_size = before;
  e.new_size = after;
  pools_.events.add_event(std::move(e));
}

std::string caretaker::of_one(const watched& w, tarn::time_span now) {
  json_writer o('{');
  o.add("pool", w.pool).flag("resizes", w.resizes).add("looks", w.looks).add("changes", w.changes);
  json_writer tiers('[');
  for (const auto& f : w.last_look)
    tiers.raw(nullptr, as_json(f, w.sizes[f.tier]).close());
  o.raw("tiers", tiers.close());
  std::string last = "null";
  if (w.last_change) {
    auto c = as_json(w.last_change->found, w.sizes[w.last_change->found.tier]);
    last = add_time(c, w.last_change->when, now).close();
  }
  return o.raw("last_change", last).close();
}

std::string caretaker::monitors(tarn::time_span now) const {
  json_writer all('[');
  for (const auto& w : monitors_)
    all.raw(nullptr, of_one(w, now));
  return json_writer('{')
      .add("interval_seconds", static_cast<double>(looks_every.count()) / 1e9)
      .add("grow_below", fitting.grow_below)
      .add("shrink_above", fitting.shrink_above)
      .add("least", std::uint64_t{fitting.least})
      .add("evidence", std::uint64_t{fitting.evidence})
      .raw("pools", all.close())
      .close();
}

std::string caretaker::pressure(tarn::time_span now) const {
  const auto numbers = watch_.numbers();
  const auto& at = watch_.thresholds();
  json_writer o('{');
  o.add("source", reading_->source).flag("is_of_cgroup", reading_->is_of_cgroup);
  if (reading_->available()) {
    o.add("some_percent", reading_->some).add("full_percent", reading_->full);
  } else {
    std::string_view why = reading_->absent;
    if (why.starts_with("tarn: ")) why.remove_prefix(6);
    o.add("absent", std::string(why));
  }
  o.add("level", std::string(name_of(watch_.level())))
      .add("some_at_percent", at.some_at)
      .add("full_at_percent", at.full_at)
      .add("trims", numbers.trims)
      .add("trimmed_bytes", numbers.trimmed_bytes);
  std::string last = "null";
  if (last_trim_) {
    json_writer t('{');
    t.add("level", std::string(name_of(last_trim_->level))).add("bytes", last_trim_->bytes);
    last = add_time(t, last_trim_->when, now).close();
  }
  return o.raw("last_trim", last).close();
}

}  // namespace observatory
