// SPDX-License-Identifier: MIT
// says: expvar: the function must return a number, a text, a json_text, a snapshot, an optional of
// these, or a range of these or of pairs with names
#include <tarn/compat/expvar.hpp>

struct point {
  int x, y;
};
const auto token = tarn::expvars().publish("point", [] { return point{1, 2}; });
