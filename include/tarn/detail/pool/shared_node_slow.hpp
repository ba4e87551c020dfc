// SPDX-License-Identifier: MIT
#pragma once

// Nodes that are not in the tail of their block.

#include <tarn/detail/pool/shared_node.hpp>

namespace tarn::detail {

template <class Config>
auto shared_node<Config>::take_apart(core_type& core, std::size_t size,
                                     typename core_type::where_type where) -> shared_block {
  auto both = core.take_hit_with_node(size);
  if (both.got.block == nullptr) [[unlikely]]
    both = core.take_with_node(size, where);
  if (both.got.block == nullptr) return {nullptr, nullptr, both.node == nullptr};
  auto* const base = static_cast<std::byte*>(both.got.block);
  return {base, ::new (both.node) apart_node(&core, base, both.got.capacity, size, apart)};
}

template <class Config>
template <class Deleter>
shared_node<Config>* shared_node<Config>::make_external(core_type* core, const std::byte* bytes,
                                                        std::size_t size, Deleter& deleter) {
  static_assert(sizeof(apart_node) <= line_alignment);
  auto* const node =
      apart_node::make(core, const_cast<std::byte*>(bytes), size, 0, external);  // never written
  if (node == nullptr) return nullptr;
  ::new (static_cast<void*>(node->deleter)) Deleter(std::move(deleter));
  node->on_dropped = [](apart_node& n) noexcept {
    auto* const held = std::launder(reinterpret_cast<Deleter*>(n.deleter));
    (*held)();
    held->~Deleter();
  };
  keep_code<Deleter>(reinterpret_cast<const void*>(node->on_dropped));
  return node;
}

template <class Config>
std::byte* shared_node<Config>::base() noexcept {
  return where() == in_tail ? base_of_tail() : static_cast<apart_node*>(this)->first;
}

template <class Config>
std::size_t shared_node<Config>::used() const noexcept {
  return where() == in_tail ? capacity() : static_cast<const apart_node*>(this)->used;
}

template <class Config>
void* shared_node<Config>::give_up() noexcept {
  void* const block = base();
  if (where() == apart) {
    core_->give_node(this);
  } else if (core_->zeroing() != zeroing::none && core_->zeroing() != zeroing::on_get) {
    zero_memory(static_cast<void*>(this), sizeof *this);  // no other code would
  }
  return block;
}

template <class Config>
void shared_node<Config>::end_slowly() noexcept {
  core_type* const home = core_;  // a node in a tail goes with its block
  if (where() == in_tail) {
    const auto size = capacity();
    home->give_owned(base_of_tail(), size, size);
    return;
  }
  auto* const node = static_cast<apart_node*>(this);
  if (where() == external) {
    node->on_dropped(*node);
  } else {
    home->give_owned(node->first, capacity(), node->used);
  }
  home->give_node(node);  // last: it keeps the core
}

}  // namespace tarn::detail
