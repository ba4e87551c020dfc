// SPDX-License-Identifier: MIT
#include "pools.hpp"

std::size_t use(page_pool& pages, name_pool& names, event_pool& events) {
  const auto page = pages.get_shared(5000);
  auto name = names.get();
  *name = "a name that is longer than what fits into a string without memory of its own";
  auto event = events.get();
  event->value.assign("value");
  return page.size() + name->size() + event->value.size();
}
