# SPDX-License-Identifier: MIT
# Gives the target tarn_catch2: Catch2 with a main, version 2 or 3, installed or fetched.
# No version is requested: a range cannot span two major versions.
find_package(Catch2 CONFIG QUIET)
if(NOT TARGET Catch2::Catch2)
  include(FetchContent)
  FetchContent_Declare(Catch2 GIT_REPOSITORY https://github.com/catchorg/Catch2.git
                       GIT_TAG v3.7.1 GIT_SHALLOW ON)
  FetchContent_MakeAvailable(Catch2)
endif()

add_library(tarn_catch2 INTERFACE)
if(TARGET Catch2::Catch2WithMain AND NOT (CMAKE_CXX_FLAGS MATCHES "libc[+][+]"))
  target_link_libraries(tarn_catch2 INTERFACE Catch2::Catch2WithMain)
else()
  # Before 2.13.10 there is no ready main, and a packaged one is built for libstdc++ only.
  add_library(tarn_catch2_main STATIC ${PROJECT_SOURCE_DIR}/tests/support/catch_main.cpp)
  target_link_libraries(tarn_catch2_main PUBLIC Catch2::Catch2)
  target_compile_features(tarn_catch2_main PRIVATE cxx_std_20)
  target_link_libraries(tarn_catch2 INTERFACE tarn_catch2_main)
endif()
