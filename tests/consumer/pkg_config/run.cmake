# SPDX-License-Identifier: MIT
include(${CMAKE_CURRENT_LIST_DIR}/../steps.cmake)
find_program(PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT PKG_CONFIG)
  message(STATUS "skipped: pkg-config is not installed")
  return()
endif()

install_tarn()
set(ENV{PKG_CONFIG_PATH} ${SCRATCH_DIR}/prefix/share/pkgconfig)
step(${PKG_CONFIG} --cflags --libs tarn)
separate_arguments(flags UNIX_COMMAND "${step_output}")
step(${COMPILER} -std=c++20 ${CMAKE_CURRENT_LIST_DIR}/../main.cpp ${flags} -o consumer)
run_consumer(${SCRATCH_DIR}/consumer)
