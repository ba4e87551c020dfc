# SPDX-License-Identifier: MIT
# Every header compiles alone, without warnings, with only -I include, and also without run-time
# types. A compiler in C++17 mode reports only the missing standard:
#   cmake -D INCLUDE_DIR=<include> -D COMPILER=<c++> -P check_headers.cmake
cmake_minimum_required(VERSION 3.21)

get_filename_component(INCLUDE_DIR ${INCLUDE_DIR} ABSOLUTE)
include(${CMAKE_CURRENT_LIST_DIR}/strict_warnings.cmake)
strict_warnings(warnings ${COMPILER})
file(GLOB_RECURSE headers RELATIVE ${INCLUDE_DIR} ${INCLUDE_DIR}/*.hpp)
if(NOT headers)
  message(FATAL_ERROR "no headers in '${INCLUDE_DIR}'")
endif()

set(broken "")
set(alone 0)
foreach(header IN LISTS headers)
  execute_process(
    COMMAND ${COMPILER} -fsyntax-only -std=c++20 ${warnings} -I ${INCLUDE_DIR}
            -include ${header} -x c++ /dev/null
    RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(code EQUAL 0)
    math(EXPR alone "${alone} + 1")
    if(NOT header MATCHES "^tarn/version[.]hpp$")
      execute_process(
        COMMAND ${COMPILER} -fsyntax-only -std=c++17 -I ${INCLUDE_DIR} -include ${header} -x c++
                /dev/null
        OUTPUT_VARIABLE out ERROR_VARIABLE out)
      string(REGEX MATCHALL "error: [^\n]*" errors "${out}")
      if(NOT errors MATCHES "^error: (#error )?tarn needs C\\+\\+20 [^;]*;error: '?C\\+\\+20[^;]*$")
        string(APPEND broken "\n${header} does not say what C++17 lacks:\n${out}")
      endif()
    endif()
    continue()
  endif()

  # Interop is opt-in: the other library need not be installed. A header that the compiler did not
  # find is then not part of tarn.
  set(absent "")
  if(header MATCHES "^tarn/interop/" AND
     out MATCHES "fatal error: '?([^':\n]+)'?(: No such file| file not found)")
    set(absent ${CMAKE_MATCH_1})
  endif()
  if(absent AND NOT absent MATCHES "^tarn/")
    message(STATUS "left out: ${header} needs <${absent}>")
  else()
    string(APPEND broken "\n${header} does not compile alone:\n${out}")
  endif()
endforeach()

# Other libraries may need run-time types themselves.
list(FILTER headers EXCLUDE REGEX "^tarn/interop/")
list(TRANSFORM headers PREPEND "-include;" OUTPUT_VARIABLE all)
execute_process(
  COMMAND ${COMPILER} -fsyntax-only -std=c++20 -fno-rtti ${warnings} -I ${INCLUDE_DIR} ${all} -x c++
          /dev/null
  RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
if(NOT code EQUAL 0)
  string(APPEND broken "\nnot without run-time types:\n${out}")
endif()

if(broken)
  message(FATAL_ERROR "${COMPILER}:${broken}")
endif()
message(STATUS "${alone} headers compile alone with ${COMPILER}")
