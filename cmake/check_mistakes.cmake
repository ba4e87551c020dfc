# SPDX-License-Identifier: MIT
# For each mistake, the compiler's first message is the sentence that the library has for it. Each
# file makes one mistake, and has the sentence in its first comment, behind "// says: ".
#   cmake -D INCLUDE_DIR=<include> -D COMPILER=<c++> -D MISTAKES=<folder> -P check_mistakes.cmake
cmake_minimum_required(VERSION 3.21)

file(GLOB files ${MISTAKES}/*.cpp)
if(NOT files)
  message(FATAL_ERROR "no mistakes in '${MISTAKES}'")
endif()
set(broken "")
foreach(file IN LISTS files)
  file(READ ${file} text)
  string(REGEX MATCH "// says: [^\n]*(\n// [^\n]*)*" sentence "${text}")
  string(REPLACE "// says: " "" sentence "${sentence}")
  string(REPLACE "\n// " " " sentence "${sentence}")
  execute_process(COMMAND ${COMPILER} -fsyntax-only -std=c++20 -I ${INCLUDE_DIR} ${file}
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
