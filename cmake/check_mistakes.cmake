# SPDX-License-Identifier: MIT
# For each mistake, the compiler's first message is the sentence that the library has for it. Each
# file makes one mistake, and has the sentence in its first comment, behind "// says: ".
#   cmake -D INCLUDE_DIR=<include> -D COMPILER=<c++> -D MISTAKES=<folder> -D SCRATCH_DIR=<folder>
#         -P check_mistakes.cmake
cmake_minimum_required(VERSION 3.21)

file(GLOB files ${MISTAKES}/*.cpp)
if(NOT files)
  message(FATAL_ERROR "no mistakes in '${MISTAKES}'")
endif()
# The headers of the products take most of the time, so they are precompiled, once. clang 14 crashes
# on such a header.
set(precompiled "")
if(NOT COMPILER MATCHES "clang")
  set(includes "")
  foreach(file IN LISTS files)
    file(STRINGS ${file} lines REGEX "^#include <tarn/[a-z_]+[.]hpp>")
    list(APPEND includes ${lines})
  endforeach()
  list(REMOVE_DUPLICATES includes)
  list(JOIN includes "\n" includes)
  set(header ${SCRATCH_DIR}/products.hpp)
  file(WRITE ${header} "#pragma once\n${includes}\n")
  execute_process(COMMAND ${COMPILER} -std=c++20 -I ${INCLUDE_DIR} -x c++-header ${header}
                          -o ${header}.gch
                  RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "the headers do not compile with ${COMPILER}:\n${out}")
  endif()
  set(precompiled -include ${header})
endif()

set(broken "")
foreach(file IN LISTS files)
  file(READ ${file} text)
  string(REGEX MATCH "// says: [^\n]*(\n// [^\n]*)*" sentence "${text}")
  string(REPLACE "// says: " "" sentence "${sentence}")
  string(REPLACE "\n// " " " sentence "${sentence}")
  execute_process(COMMAND ${COMPILER} -fsyntax-only -std=c++20 -I ${INCLUDE_DIR} ${precompiled}
                          ${file}
                  OUTPUT_VARIABLE out ERROR_VARIABLE out)
  string(REGEX MATCH "error: [^\n]*" first "${out}")
  string(FIND "${first}" "${sentence}" at)
  if(NOT sentence OR at EQUAL -1 OR NOT first MATCHES "static.assert")
    string(APPEND broken "\n${file} expects\n  ${sentence}\nand the first is\n  ${first}")
  endif()
endforeach()
if(broken)
  message(FATAL_ERROR "${COMPILER}:${broken}")
endif()
list(LENGTH files count)
message(STATUS "${count} mistakes are told in a sentence by ${COMPILER}")
