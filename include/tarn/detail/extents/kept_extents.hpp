// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/extents/extent.hpp>

namespace tarn::detail {

/// Extents of idle blocks, by age and by size. Guarded by its owner.
///
/// By size they stand in a treap, with one extent for all of the same size and alignment. Extents
/// with a higher alignment stand above the others. So those that are aligned well enough are the
/// upper part of the tree, and a search stops where that part ends. Complexity: O(log of the number
/// of different sizes), expected; O(1) to take out an extent that was found or that has a twin.
/// Source: McCreight, "Priority search trees" (1985); Seidel & Aragon, "Randomized search trees"
/// (1996).
class kept_extents {
 public:
  void push(extent* e) noexcept {
    e->newer = nullptr;
    e->next = newest_;
    if (newest_ != nullptr) newest_->newer = e;
    newest_ = e;
    bytes_ += e->bytes;
    plant(e);
  }

  void remove(extent* e) noexcept {
    (e->newer != nullptr ? e->newer->next : newest_) = e->next;
    if (e->next != nullptr) e->next->newer = e->newer;
    bytes_ -= e->bytes;
    if (e->priority == 0) {
      leave_twins(e);
    } else if (e->twin_after != e) {
      extent* const heir = e->twin_after;
      leave_twins(e);
      inherit(heir, e);
    } else {
      uproot(e);
    }
  }

  /// The smallest extent with `bytes` and the alignment; of several the newest. Null if none fits.
  [[nodiscard]] extent* best(std::size_t bytes, std::size_t alignment) const noexcept {
    extent* found = nullptr;
    for (extent* n = root_; n != nullptr && n->alignment >= alignment;) {
      if (n->bytes < bytes) {
        n = n->right;
      } else {
        found = n;
        if (n->bytes == bytes && n->alignment == alignment) break;
        n = n->left;
      }
    }
    return found != nullptr ? found->twin_before : nullptr;
  }

  [[nodiscard]] extent* newest() const noexcept { return newest_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  [[nodiscard]] static bool is_before(const extent* a, const extent* b) noexcept {
    return a->bytes != b->bytes ? a->bytes < b->bytes : a->alignment < b->alignment;
  }
  [[nodiscard]] static bool is_above(const extent* a, const extent* b) noexcept {
    return a->alignment != b->alignment ? a->alignment > b->alignment : a->priority > b->priority;
  }

  [[nodiscard]] std::uint64_t next_priority() noexcept {
    // Marsaglia's xorshift: never 0. It does not depend on the sizes that users request.
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    return random_ ^= random_ << 17;
  }

  void plant(extent* e) noexcept {
    e->priority = next_priority();
    extent** spot = nullptr;  // its place if it has no twin: above lower priorities
    extent* spot_up = nullptr;
    extent* up = nullptr;
    extent** place = &root_;
    for (extent* n = root_; n != nullptr; n = *place) {
      if (n->bytes == e->bytes && n->alignment == e->alignment) return join_twins(e, n);
      if (spot == nullptr && is_above(e, n)) spot = place, spot_up = up;
      up = n;
      place = is_before(e, n) ? &n->left : &n->right;
    }
    if (spot == nullptr) spot = place, spot_up = up;
    e->twin_before = e->twin_after = e;
    e->up = spot_up;
    extent* rest = *spot;
    *spot = e;
    // The subtree that stood there is split: extents before `e` go to its left, the others right.
    extent** ends[2] = {&e->left, &e->right};
    extent* ups[2] = {e, e};
    while (rest != nullptr) {
      const bool right = is_before(e, rest);
      *ends[right] = rest;
      rest->up = ups[right];
      ups[right] = rest;
      ends[right] = right ? &rest->left : &rest->right;
      rest = *ends[right];
    }
    *ends[0] = *ends[1] = nullptr;
  }

  void uproot(extent* e) noexcept {
    extent** place = place_of(e);
    extent* up = e->up;
    extent* left = e->left;
    extent* right = e->right;
    while (left != nullptr && right != nullptr) {
      const bool is_left = is_above(left, right);
      extent*& upper = is_left ? left : right;
      *place = upper;
      upper->up = up;
      up = upper;
      place = is_left ? &upper->right : &upper->left;
      upper = *place;
    }
    *place = left != nullptr ? left : right;
    if (*place != nullptr) (*place)->up = up;
  }

  [[nodiscard]] extent** place_of(extent* e) noexcept {
    if (e->up == nullptr) return &root_;
    return e->up->left == e ? &e->up->left : &e->up->right;
  }
  /// Puts `heir` into the tree in the place of its twin `e`.
  void inherit(extent* heir, extent* e) noexcept {
    *place_of(e) = heir;
    heir->priority = e->priority;
    heir->up = e->up;
    heir->left = e->left;
    heir->right = e->right;
    if (heir->left != nullptr) heir->left->up = heir;
    if (heir->right != nullptr) heir->right->up = heir;
  }
  /// Preconditions: `oldest` stands in the tree.
  static void join_twins(extent* e, extent* oldest) noexcept {
    e->priority = 0;
    e->twin_after = oldest;
    e->twin_before = oldest->twin_before;
    e->twin_before->twin_after = e;
    oldest->twin_before = e;
  }
  static void leave_twins(extent* e) noexcept {
    e->twin_before->twin_after = e->twin_after;
    e->twin_after->twin_before = e->twin_before;
  }

  extent* newest_ = nullptr;
  extent* root_ = nullptr;
  std::size_t bytes_ = 0;
  std::uint64_t random_ = 0x9e3779b97f4a7c15u;
};

}  // namespace tarn::detail
