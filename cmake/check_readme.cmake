# SPDX-License-Identifier: MIT
#
# Compiles and runs the first C++ example of the README, as it stands there.
# cmake -D README=README.md -D INCLUDE_DIR=include -D CXX=g++ -D SCRATCH=dir -P check_readme.cmake
cmake_minimum_required(VERSION 3.21)

file(READ ${README} text)
string(FIND "${text}" "```cpp\n" begin)
if(begin EQUAL -1)
  message(FATAL_ERROR "${README} has no C++ example")
endif()
math(EXPR begin "${begin} + 7")
string(SUBSTRING "${text}" ${begin} -1 text)
string(FIND "${text}" "```" end)
string(SUBSTRING "${text}" 0 ${end} example)

string(REGEX REPLACE "[^\n]" "" lines "${example}")
string(LENGTH "${lines}" lines)
if(lines GREATER 20)
  message(FATAL_ERROR "the first example has ${lines} lines: too long to be read at a glance")
endif()

file(MAKE_DIRECTORY ${SCRATCH})
file(WRITE ${SCRATCH}/readme.cpp "${example}")
execute_process(
  COMMAND ${CXX} -std=c++20 -Wall -Wextra -Wpedantic -Werror -I ${INCLUDE_DIR} ${SCRATCH}/readme.cpp
          -o ${SCRATCH}/readme -pthread
  RESULT_VARIABLE failed ERROR_VARIABLE errors)
if(failed)
  message(FATAL_ERROR "the example of ${README} does not compile:\n${errors}")
endif()
execute_process(COMMAND ${SCRATCH}/readme RESULT_VARIABLE failed OUTPUT_VARIABLE output)
if(failed OR NOT output STREQUAL "1 get\n")
  message(FATAL_ERROR "the example of ${README} ended with ${failed} and printed: ${output}")
endif()
