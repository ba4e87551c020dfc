// SPDX-License-Identifier: MIT
#include <vector>

#include "shared.hpp"

tarn::buffer buffer_of_other(std::size_t size) { return tarn::default_pool().get(size); }

common_pool& pool_of_other() {
  static common_pool pool({.name = "of other"});
  return pool;
}

const void* default_pool_of_other() { return &tarn::default_pool(); }

bool other_works() {
  // Other policies than in main.cpp, for the same products.
  tarn::byte_pool<tarn::lock_free, tarn::no_stats,
                  tarn::traits<tarn::kafka_tiers, tarn::checked, tarn::page_source>>
      pages;
  tarn::object_pool<std::string, tarn::spin_lock, tarn::no_stats> texts;
  tarn::unsized_pool<tarn::no_lock, tarn::recording_stats> writer;
  auto page = pages.get(100);
  auto text = texts.get();
  auto written = writer.get();
  writer.append(written, "other");
  return page.capacity() == 512 && text->empty() && written.view() == "other";
}
