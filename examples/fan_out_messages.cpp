// SPDX-License-Identifier: MIT
// How do I fill a message once, hand it to several readers, and bound how many there are?

#include <chrono>
#include <cstdio>
#include <utility>

#include <tarn/message_pool.hpp>
#include <tarn/persistent_message.hpp>

using namespace std::chrono_literals;

int main() {
  using message_pool = tarn::message_pool<>;
  message_pool messages({.name = "orders", .capacity = 3});

  auto m = messages.get();
  m->topic = "orders";
  m->key.assign("customer-7");
  m->value.assign("three apples");
  m->headers.add("trace", "4bf92f35");

  // From here on all owners can read the message and none can write it. The last owner gives it
  // back.
  message_pool::shared sinks[2];
  messages.share(std::move(m), sinks);
  for (const auto& s : sinks) {
    const auto value = s->value.view();
    std::printf("%s: %.*s\n", s->topic.c_str(), static_cast<int>(value.size()), value.data());
  }
  // What is sent again and again is made once; receivers can't tell it from a pooled message.
  tarn::message goodbye;
  goodbye.topic = "end of orders";
  const tarn::persistent_message<decltype(messages)> end(std::move(goodbye));
  sinks[0] = end.share();
  std::printf("%s\n", sinks[0]->topic.c_str());
  sinks[0].reset();
  if (messages.in_flight() != 1) return 1;

  // The last owner may get it back for writing, without a copy.
  auto reply = sinks[1].make_unique();
  if (!reply) return 1;
  reply->value.assign("thank you");

  // A part of the capacity can be reserved for one consumer, so that other consumers can't starve
  // it.
  auto audit = messages.consumer(1);
  auto another = messages.get();
  if (messages.get_for(1ms)) return 1;  // one message is out, one is reserved: none is left
  auto mine = audit.get_for(1ms);
  std::printf("the audit has its message: %s\n", mine ? "yes" : "no");
  std::printf("of %zu, it has %zu now and had %zu at most\n", audit.quota(), audit.in_use(),
              audit.most_in_use());
  if (!mine || mine->headers.begin() != mine->headers.end()) return 1;  // the message was reset

  try {
    static_cast<void>(messages.get());
    return 1;
  } catch (const tarn::pool_exhausted& error) {
    std::printf("refused: %s\n", error.what());
  }
  mine.reset();
  another.reset();
  reply.reset();
  return messages.in_flight() == 0 ? 0 : 1;
}
