// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace observatory {

/// page.html, as the build embeds it.
extern const std::string_view page;

}  // namespace observatory
