# SPDX-License-Identifier: MIT
# The cost of including tarn, in preprocessed bytes, and the headers that it must not include:
#   cmake -D INCLUDE_DIR=<include> -D COMPILER=<c++> -D SCRATCH_DIR=<folder> -P check_weight.cmake
cmake_minimum_required(VERSION 3.21)

set(products byte_pool object_pool buffer shared_buffer fast_buffer message_pool)
set(unwanted memory functional thread memory_resource chrono iostream)

file(MAKE_DIRECTORY ${SCRATCH_DIR})
function(preprocess name)
  list(TRANSFORM ARGN REPLACE "(.+)" "#include <\\1>\n" OUTPUT_VARIABLE includes)
  string(JOIN "" includes ${includes})
  file(WRITE ${SCRATCH_DIR}/${name}.cpp "${includes}")
  execute_process(
    COMMAND ${COMPILER} -E -std=c++20 -I . -x c++ - -o ${SCRATCH_DIR}/${name}.ii
    # Paths are part of the text: relative ones have the same weight wherever the project lies.
    WORKING_DIRECTORY ${INCLUDE_DIR}
    INPUT_FILE ${SCRATCH_DIR}/${name}.cpp
    RESULT_VARIABLE code ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${name} does not preprocess:\n${out}")
  endif()
endfunction()

# The limit is valid for one standard library: later ones changed the weight of <string> and
# <vector> by more than the whole of tarn. For others the weights are only shown.
file(WRITE ${SCRATCH_DIR}/release.cpp "#include <cstddef>\nrelease _GLIBCXX_RELEASE\n")
execute_process(COMMAND ${COMPILER} -E -P -std=c++20 ${SCRATCH_DIR}/release.cpp
                OUTPUT_VARIABLE release)
if(release MATCHES "release 12\n")
  set(is_limited ON)
else()
  message(STATUS "the limit of 146 % is stated for libstdc++ 12, which is not here")
  set(is_limited OFF)
endif()

preprocess(std mutex vector)
file(SIZE ${SCRATCH_DIR}/std.ii std_bytes)
math(EXPR most "${std_bytes} * 146 / 100")

foreach(product IN LISTS products)
  if(NOT EXISTS ${INCLUDE_DIR}/tarn/${product}.hpp AND NOT product STREQUAL "byte_pool")
    message(STATUS "<tarn/${product}.hpp> is not there yet")
    continue()
  endif()
  preprocess(${product} tarn/${product}.hpp)
  file(SIZE ${SCRATCH_DIR}/${product}.ii bytes)
  math(EXPR percent "${bytes} * 100 / ${std_bytes}")
  message(STATUS "<tarn/${product}.hpp>: ${bytes} bytes, ${percent} % of <mutex> + <vector>")
  if(is_limited AND product STREQUAL "byte_pool" AND bytes GREATER most)
    message(SEND_ERROR "<tarn/byte_pool.hpp> weighs ${bytes} bytes; at most ${most} is allowed")
  endif()
  file(STRINGS ${SCRATCH_DIR}/${product}.ii markers REGEX "^# 1 \"")
  foreach(header IN LISTS unwanted)
    if(markers MATCHES "/${header}\"")
      message(SEND_ERROR "<tarn/${product}.hpp> pulls in <${header}>")
    endif()
  endforeach()
endforeach()
