// SPDX-License-Identifier: MIT
#include "trial.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace pipeline {
namespace {

/// The expected result of every run over these parts, computed directly, without any handle.
struct truth_of_parts {
  std::vector<statistics> parts;
  std::vector<archive> archives;
};

truth_of_parts computed_directly(const std::vector<part>& parts,
                                 std::array<demand, tiers::count()>& demands) {
  truth_of_parts made{std::vector<statistics>(parts.size()), std::vector<archive>(parts.size())};
  for (std::size_t p = 0; p != parts.size(); ++p) {
    cut_up(parts[p].data, parts[p].size,
           [&](cut kind, std::size_t offset, const std::byte* data, std::size_t size) {
             const auto place = parts[p].offset + offset;
             const auto found = examine(kind, place, data, size);
             made.parts[p].add(kind, size, found);
             made.archives[p].add(place, size, found.checksum);
             auto& d = demands[tiers::tier_for(size)];
             ++d.gets;
             d.bytes += size;
             return true;
           });
  }
  return made;
}

std::optional<std::size_t> process_status(const char* key) {
  std::FILE* const status = std::fopen("/proc/self/status", "r");
  if (status == nullptr) return {};
  std::optional<std::size_t> found;
  const auto length = std::strlen(key);
  for (char line[256]; std::fgets(line, sizeof line, status) != nullptr;) {
    if (std::strncmp(line, key, length) == 0 && line[length] == ':') {
      found = std::strtoull(line + length + 1, nullptr, 10) * 1024;
    }
  }
  std::fclose(status);
  return found;
}

class comparison {
 public:
  comparison(input& in, const options& o, progress& show)
      : in_(in),
        options_(o),
        show_(show),
        pooled_(make_pooled(o.lock, o.stats)),
        plain_(make_plain()) {}

  trial_result run() {
    made_.rounds.resize(options_.rounds);
    made_.files.resize(in_.files.size());
    for (;;) {
      show_.show(fraction(0), "reading");
      const auto parts = in_.next_slice();
      if (parts.empty()) break;
      ++made_.slices;
      run_slice(parts);
    }
    finish();
    return std::move(made_);
  }

 private:
  void run_slice(const std::vector<part>& parts) {
    std::array<demand, tiers::count()> demands{};
    const auto truth = computed_directly(parts, demands);
    std::uint64_t records = 0;
    std::uint64_t moved = 0;
    for (std::size_t p = 0; p != parts.size(); ++p) {
      records += truth.parts[p].records;
      moved += truth.parts[p].moved;
      made_.files[parts[p].file] += truth.parts[p];
      slice_bytes_ += parts[p].size;
    }
    const auto passes = (least_records + records - 1) / records;
    made_.records += records * passes;
    made_.moved += moved * passes;
    for (std::size_t t = 0; t != tiers::count(); ++t) {
      made_.demands[t].gets += demands[t].gets * passes * options_.rounds;
      made_.demands[t].bytes += demands[t].bytes * passes * options_.rounds;
    }
    work job{parts, in_.files, passes, options_.threads, false};
    for (unsigned r = 0; r != options_.rounds; ++r) {
      auto& times = made_.rounds[r];
      // The sides alternate, and every second time in reverse order: neither side always finds the
      // caches as the other side left them, nor is one side always first when the machine gets
      // busier.
      for (const bool first : {true, false}) {
        round_done_ = (r + (first ? 0 : 0.5)) / options_.rounds;
        if (first == ((r + made_.slices) % 2 == 0)) {
          run_plain(job, truth, r, times);
        } else {
          run_pooled(job, truth, r, times);
        }
      }
    }
    slices_bytes_done_ += std::exchange(slice_bytes_, 0);
  }

  void run_plain(const work& job, const truth_of_parts& truth, unsigned round, round_times& times) {
    const auto got = plain_->run(job, watch("plain new", job, truth, round));
    check("plain new", got, job, truth);
    if (round + 1 == options_.rounds) made_.plain_heap_calls += got.heap_calls;
    times.plain_seconds += got.seconds;
    times.plain_cpu_seconds += got.cpu_seconds;
  }

  void run_pooled(work job, const truth_of_parts& truth, unsigned round, round_times& times) {
    job.lose_one = options_.plant_lost_block && made_.pooled_records == 0;
    const auto show = watch("pooled", job, truth, round);
    const auto got = pooled_->run(job, [&](std::uint64_t records) {
      show(records);
      note_peak();
    });
    note_peak();
    check("pooled", got, job, truth);
    made_.pooled_records += got.records;
    made_.on_another_thread += got.on_another_thread;
    made_.encoded_bytes += got.encoded_bytes;
    if (round + 1 == options_.rounds) made_.heap_calls += got.heap_calls;
    times.pooled_seconds += got.seconds;
    times.pooled_cpu_seconds += got.cpu_seconds;
  }

  void note_peak() {
    made_.memory.peak_bytes = std::max(made_.memory.peak_bytes, pooled_->held_bytes());
  }

  observer watch(const char* side, const work& job, const truth_of_parts& truth, unsigned round) {
    std::uint64_t all = 0;
    for (const auto& s : truth.parts)
      all += s.records;
    all *= job.passes;
    return [this, all, side, round](std::uint64_t records) {
      char text[96];
      std::snprintf(text, sizeof text, "round %u of %u, slice %zu, %s: %.1f M records", round + 1,
                    options_.rounds, made_.slices, side, static_cast<double>(records) / 1e6);
      show_.show(fraction(static_cast<double>(records) / static_cast<double>(all)), text);
    };
  }

  [[nodiscard]] double fraction(double of_half_round) const {
    const auto slice = round_done_ + of_half_round * 0.5 / options_.rounds;
    const auto done = static_cast<double>(slices_bytes_done_) +
                      static_cast<double>(slice_bytes_) * (slice_bytes_ == 0 ? 0 : slice);
    return in_.expected_bytes == 0 ? 0 : done / static_cast<double>(in_.expected_bytes);
  }

  void check(const char* side, const result& got, const work& job, const truth_of_parts& truth) {
    for (std::size_t p = 0; p != truth.parts.size(); ++p) {
      const bool counted = got.parts[p] == truth.parts[p].repeated(job.passes);
      if (counted && got.archives[p] == truth.archives[p].repeated(job.passes)) continue;
      made_.problems.push_back(std::string(side) + ": the " + (counted ? "archive" : "result") +
                               " for " + in_.files[job.parts[p].file] + " differs");
      return;  // one problem is enough to look for the cause
    }
  }

  void finish() {
    for (std::size_t f = 0; f != made_.files.size(); ++f) {
      made_.total += made_.files[f];
      // Equal files with exchanged names must not give the same checksum.
      made_.total.checksum += mixed(made_.files[f].checksum + f) - made_.files[f].checksum;
    }
    made_.pool = pooled_->read();
    made_.memory.retained_bytes = made_.pool.pool.slab_bytes;
    made_.memory.rss_bytes = process_status("VmRSS");
    made_.memory.peak_rss_bytes = process_status("VmHWM");
    account();
    made_.memory.trimmed_bytes = pooled_->trim();
  }

  /// All records are gone: every block must be idle, and the pool's numbers must be those of the
  /// program.
  void account() {
    const auto complain = [this](std::size_t size, const std::string& what) {
      made_.problems.push_back("tier of " + std::to_string(size) + " bytes: " + what);
    };
    using std::to_string;
    for (std::size_t i = 0; i != made_.pool.pool.tiers.size(); ++i) {
      const auto& t = made_.pool.pool.tiers[i];
      made_.unaccounted += t.in_use;
      if (t.in_use != 0)
        complain(t.size_bytes, to_string(t.in_use) + " lost: still out after the last record");
      const auto known = t.idle + t.in_use + t.retired + t.abandoned;
      if (t.created != known) {
        complain(t.size_bytes,
                 to_string(t.created) + " blocks created, but " + to_string(known) + " are known");
      }
      const auto asked = made_.demands[i].gets;
      if (made_.pool.counts && t.gets != asked) {
        complain(t.size_bytes,
                 to_string(t.gets) + " gets counted, but " + to_string(asked) + " were made");
      }
    }
    made_.lost_messages = made_.pool.messages_in_use;
    if (made_.lost_messages != 0) {
      made_.problems.push_back(std::to_string(made_.lost_messages) +
                               " messages lost: still out after the last record");
    }
    if (made_.pool.pool.nodes.in_use > made_.pool.pool.total().in_use) {
      made_.problems.push_back("nodes of shared buffers are out without a block");
    }
    if (made_.pool.counts && made_.pool.message_gets != made_.pooled_records) {
      made_.problems.push_back(std::to_string(made_.pool.message_gets) + " messages counted, but " +
                               std::to_string(made_.pooled_records) + " records were moved");
    }
  }

  input& in_;
  const options& options_;
  progress& show_;
  std::unique_ptr<pooled_subject> pooled_;
  std::unique_ptr<subject> plain_;
  trial_result made_;
  std::uint64_t slices_bytes_done_ = 0;
  std::uint64_t slice_bytes_ = 0;
  double round_done_ = 0;  // of the rounds over this slice, from 0 to 1
};

}  // namespace

trial_result compare(input& in, const options& o, progress& show) {
  return comparison(in, o, show).run();
}

}  // namespace pipeline
