// SPDX-License-Identifier: MIT
#pragma once

// CMake reads the version from these three lines, so vendoring include/ needs no configure step.
#define TARN_VERSION_MAJOR 0
#define TARN_VERSION_MINOR 1
#define TARN_VERSION_PATCH 0

namespace tarn {

/// The version of the compiled headers, for `if constexpr` and for reports.
inline constexpr int version_major = TARN_VERSION_MAJOR;
inline constexpr int version_minor = TARN_VERSION_MINOR;
inline constexpr int version_patch = TARN_VERSION_PATCH;

}  // namespace tarn
