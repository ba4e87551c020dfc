// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace observatory {

/// page.html, as the build has it embedded.
extern const std::string_view page;

}  // namespace observatory
