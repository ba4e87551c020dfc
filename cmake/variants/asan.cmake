# SPDX-License-Identifier: MIT
# cmake -C cmake/variants/asan.cmake -S . -B build/asan
set(flags "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer")
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
# With both sanitizers and an optimiser a file takes three minutes; g++ takes three times as long as
# clang.
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1" CACHE STRING "")
set(CMAKE_CXX_FLAGS "${flags}" CACHE STRING "")
set(TARN_WERROR ON CACHE BOOL "")
# Relacy runs its own scheduler on switched stacks; the sanitizers would check Relacy, not tarn.
set(TARN_BUILD_MODELS OFF CACHE BOOL "")
# The tests run the same code as benchmarks and examples, which take six minutes to compile here.
set(TARN_BUILD_BENCHMARKS OFF CACHE BOOL "")
set(TARN_BUILD_EXAMPLES OFF CACHE BOOL "")
