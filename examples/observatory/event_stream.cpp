// SPDX-License-Identifier: MIT
#include "event_stream.hpp"

#include <chrono>
#include <utility>

#include <tarn/observe/prometheus.hpp>

#include "../pipeline/text.hpp"

namespace observatory {
namespace {

std::string as_json(std::uint64_t number, const tarn::event& e) {
  const auto wall = tarn::wall_clock::now().at(e.time);
  return pipeline::json_writer('{')
      .add("number", number)
      .add("kind", std::string(tarn::to_string(e.kind)))
      .add("pool", e.pool)
      .add("message", e.message)
      .add("old_size", std::uint64_t{e.old_size})
      .add("new_size", std::uint64_t{e.new_size})
      .raw("wall_seconds", pipeline::text("%.3f", static_cast<double>(wall.count()) / 1e9))
      .close();
}

}  // namespace

void event_stream::add(const tarn::event& e) {
  {
    const std::lock_guard hold(mutex_);
    ++last_;
    frames_.push_back("id: " + std::to_string(last_) + "\ndata: " + as_json(last_, e) + "\n\n");
    if (frames_.size() > kept) frames_.pop_front();
  }
  changed_.notify_all();
}

void event_stream::close() {
  {
    const std::lock_guard hold(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool event_stream::wait(std::uint64_t& seen, std::string& news) {
  news.clear();
  std::unique_lock hold(mutex_);
  // A reader with a number above the last event comes from an earlier run of the program.
  if (seen > last_) seen = 0;
  changed_.wait_for(hold, std::chrono::seconds(1), [&] { return closed_ || seen < last_; });
  const auto forgotten = last_ - frames_.size();
  for (auto i = seen < forgotten ? 0 : seen - forgotten; i < frames_.size(); ++i)
    news += frames_[static_cast<std::size_t>(i)];
  seen = last_;
  return !closed_;
}

}  // namespace observatory
