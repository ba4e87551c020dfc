# SPDX-License-Identifier: MIT
#
# Compiles and runs the C++ examples of the README, as they stand there.
# cmake -D README=README.md -D INCLUDE_DIR=include -D CXX=g++ -D SCRATCH=dir -P check_readme.cmake
cmake_minimum_required(VERSION 3.21)

file(MAKE_DIRECTORY ${SCRATCH})
file(READ ${README} text)
set(count 0)
while(TRUE)
  string(FIND "${text}" "```cpp\n" begin)
  if(begin EQUAL -1)
    break()
  endif()
  math(EXPR begin "${begin} + 7")
  string(SUBSTRING "${text}" ${begin} -1 text)
  string(FIND "${text}" "```" end)
  string(SUBSTRING "${text}" 0 ${end} example)
  string(SUBSTRING "${text}" ${end} -1 text)
  math(EXPR count "${count} + 1")

  string(REGEX REPLACE "[^\n]" "" lines "${example}")
  string(LENGTH "${lines}" lines)
  if(lines GREATER 30 OR (count EQUAL 1 AND lines GREATER 20))
    message(FATAL_ERROR "example ${count} has ${lines} lines: too long to be read at a glance")
  endif()

  set(program ${SCRATCH}/readme_${count})
  file(WRITE ${program}.cpp "${example}")
  execute_process(
    COMMAND ${CXX} -std=c++20 -Wall -Wextra -Wpedantic -Werror -I ${INCLUDE_DIR} ${program}.cpp
            -o ${program} -pthread
    RESULT_VARIABLE failed ERROR_VARIABLE errors)
  if(failed)
    message(FATAL_ERROR "example ${count} of ${README} does not compile:\n${errors}")
  endif()
  execute_process(COMMAND ${program} RESULT_VARIABLE failed OUTPUT_VARIABLE output
                  ERROR_VARIABLE errors)
  if(failed OR (count EQUAL 1 AND NOT output STREQUAL "1 get\n"))
    message(FATAL_ERROR "example ${count} of ${README} ended with ${failed}: ${output}${errors}")
  endif()
endwhile()
if(count EQUAL 0)
  message(FATAL_ERROR "${README} has no C++ example")
endif()
message(STATUS "${count} examples do what they say")
