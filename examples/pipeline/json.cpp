// SPDX-License-Identifier: MIT
#include "report.hpp"
#include "text.hpp"

namespace pipeline {
namespace {

std::string statistics_object(const std::string& name, const statistics& s) {
  json_writer o('{');
  if (!name.empty()) o.add("name", name);
  return o.add("bytes", s.bytes)
      .add("records", s.records)
      .add("lines", s.lines)
      .add("longest_record", s.longest_record)
      .add("longest_line", s.longest_line)
      .hex("checksum", s.checksum)
      .close();
}

std::string tier_object(const tarn::tier_snapshot& t, const demand& d, bool counts) {
  json_writer o('{');
  o.add("size_bytes", t.size_bytes).add("gets", d.gets).add("asked_bytes", d.bytes);
  if (counts) o.add("hits", t.hits()).add("misses", t.misses).add("puts", t.puts);
  return o.add("created", t.created)
      .add("idle", t.idle)
      .add("in_use", t.in_use)
      .add("retired", t.retired)
      .close();
}

std::string list(const std::vector<std::string>& objects) {
  json_writer o('[');
  for (const auto& object : objects)
    o.raw(nullptr, object);
  return o.close();
}

}  // namespace

std::string as_json(const options& o, const input& in, const trial_result& made) {
  const figures f(made);
  std::vector<std::string> rounds;
  std::vector<std::string> tiers_used;
  std::vector<std::string> files;
  std::vector<std::string> skipped;
  std::vector<std::string> problems;
  for (const auto& r : made.rounds) {
    rounds.push_back(json_writer('{')
                         .add("pooled_seconds", r.pooled_seconds)
                         .add("plain_seconds", r.plain_seconds)
                         .add("pooled_cpu_seconds", r.pooled_cpu_seconds)
                         .add("plain_cpu_seconds", r.plain_cpu_seconds)
                         .add("ratio", r.ratio())
                         .close());
  }
  for (std::size_t i = 0; i != made.demands.size(); ++i) {
    if (made.demands[i].gets == 0) continue;
    tiers_used.push_back(tier_object(made.pool.pool.tiers[i], made.demands[i], made.pool.counts));
  }
  for (std::size_t i = 0; i != made.files.size(); ++i) {
    files.push_back(statistics_object(in.files[i], made.files[i]));
  }
  for (const auto& s : in.skipped)
    skipped.push_back(quoted(s.name));
  for (const auto& p : made.problems)
    problems.push_back(quoted(p));

  json_writer speed('{');
  const auto records = static_cast<double>(made.records);
  speed.add("pooled_records_per_second", records / f.pooled_seconds)
      .add("plain_records_per_second", records / f.plain_seconds)
      .add("median_ratio", f.median_ratio)
      .add("judgement", std::string(to_string(f.speed)))
      .add("pooled_cpu_ns_per_record", f.pooled_cpu_ns)
      .add("plain_cpu_ns_per_record", f.plain_cpu_ns)
      .raw("rounds", list(rounds));
  json_writer pool('{');
  pool.add("gets", made.pooled_records);
  if (made.pool.counts) pool.add("hit_percent", f.hit_percent);
  pool.add("waste_percent", f.waste_percent)
      .add("returned_on_another_thread_percent", f.another_percent)
      .add("heap_calls_per_record", f.heap_calls)
      .add("plain_heap_calls_per_record", f.plain_heap_calls)
      .add("encoded_bytes", made.encoded_bytes)
      .add("peak_bytes", made.memory.peak_bytes)
      .add("retained_bytes", made.memory.retained_bytes)
      .add("trimmed_bytes", made.memory.trimmed_bytes)
      .add("unaccounted_blocks", made.unaccounted)
      .add("unaccounted_messages", made.lost_messages)
      .raw("tiers", list(tiers_used));
  json_writer process('{');
  if (made.memory.rss_bytes) process.add("rss_bytes", *made.memory.rss_bytes);
  if (made.memory.peak_rss_bytes) process.add("peak_rss_bytes", *made.memory.peak_rss_bytes);

  return json_writer('{')
             .flag("ok", made.problems.empty())
             .raw("problems", list(problems))
             .add("path", o.path)
             .add("lock", std::string(lock_names[o.lock]))
             .add("stats", std::string(stats_names[o.stats]))
             .add("threads", std::uint64_t{o.threads})
             .add("files_read", std::uint64_t{in.read})
             .add("records_per_round", made.records)
             .add("moved_bytes_per_round", made.moved)
             .raw("total", statistics_object("", made.total))
             .raw("speed", speed.close())
             .raw("pool", pool.close())
             .raw("process", process.close())
             .raw("skipped", list(skipped))
             .raw("files", list(files))
             .close() +
         "\n";
}

}  // namespace pipeline
