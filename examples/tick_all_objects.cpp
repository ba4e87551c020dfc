// SPDX-License-Identifier: MIT
// How does my loop visit all objects that are in use?

#include <cstdio>
#include <vector>

#include <tarn/object_pool.hpp>
#include <tarn/visit.hpp>

namespace {

struct particle {
  particle() = default;
  particle(float h, float s) : height(h), speed(s) {}
  float height = 0;
  float speed = 0;
};

}  // namespace

int main() {
  // Visits are for pools of one thread.
  tarn::built_pool<particle, tarn::no_lock> particles({.name = "particles"});
  std::vector<decltype(particles)::handle> live;
  for (int i = 0; i != 1000; ++i)
    live.push_back(particles.make(10.0F, static_cast<float>(i % 7)));
  live.resize(600);  // the others are gone

  std::size_t visited = 0;
  tarn::for_each_live(particles, [&](particle& p) {
    p.height -= p.speed;
    ++visited;
  });
  std::printf("%zu particles moved\n", visited);

  // Objects that are kept between uses can be visited while they wait for the next one.
  tarn::object_pool<particle, tarn::no_lock> kept;
  static_cast<void>(kept.get());
  tarn::for_each_idle(kept, [](particle& p) { p.height = 10.0F; });
  if (kept.get()->height != 10.0F) return 1;
  return visited == live.size() && live[6]->height == 4.0F ? 0 : 1;
}
