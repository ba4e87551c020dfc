// SPDX-License-Identifier: MIT
// Which lines of my program hold the memory of a pool?

#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/observe/leaks.hpp>
#include <tarn/observe/live_profile.hpp>
#include <tarn/policy/recording_stats.hpp>

int main() {
  // One get in eight is followed, with its file and line.
  using followed = tarn::basic_recording_stats<256, 8>;
  tarn::byte_pool<tarn::thread_cached<>, followed> pool({.name = "requests"});

  std::vector<decltype(pool)::buffer> sessions;
  for (int i = 0; i != 200; ++i)
    sessions.push_back(pool.get(1000));
  std::vector<decltype(pool)::buffer> uploads;
  for (int i = 0; i != 40; ++i)
    uploads.push_back(pool.get(30'000));

  const auto held = pool.live_blocks();
  std::cout << held << '\n';  // for people

  std::string folded;  // for flame graphs: flamegraph.pl, inferno, speedscope
  tarn::write_folded(std::back_inserter(folded), held);
  std::cout << folded;

  std::string json;  // for programs
  tarn::write_json(std::back_inserter(json), held);
  std::cout << json << '\n';
  return held.sites.size() == 2 && folded.starts_with("requests;") ? 0 : 1;
}
