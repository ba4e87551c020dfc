# SPDX-License-Identifier: MIT
# cmake -C cmake/variants/tsan.cmake -S . -B build/tsan
# Build it at -O0 as well (-D CMAKE_CXX_FLAGS_DEBUG="-O0 -g1"): an optimiser can remove the very
# race that the sanitizer has to find.
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1" CACHE STRING "")
set(CMAKE_CXX_FLAGS "-fsanitize=thread -fno-omit-frame-pointer" CACHE STRING "")
set(TARN_WERROR ON CACHE BOOL "")
# Few of these tests share them.
set(TARN_TEST_CORES OFF CACHE BOOL "")
set(TARN_BUILD_MODELS OFF CACHE BOOL "")
set(TARN_BUILD_BENCHMARKS OFF CACHE BOOL "")
set(TARN_BUILD_EXAMPLES OFF CACHE BOOL "")
