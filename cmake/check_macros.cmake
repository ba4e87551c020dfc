# SPDX-License-Identifier: MIT
# All headers compile beside macros that other projects and systems define:
#   cmake -D INCLUDE_DIR=<include> -D COMPILER=<c++> -D LISTS=<folder> -D SCRATCH_DIR=<folder>
#         -P check_macros.cmake
# Each list is tried twice. The first time it stands before all standard headers, without those of
# its macros that break the standard headers too. The second time all lists stand together behind
# the standard headers, and each macro expands to a stray character: so the test detects each use of
# one of these names.
cmake_minimum_required(VERSION 3.21)

get_filename_component(INCLUDE_DIR ${INCLUDE_DIR} ABSOLUTE)
file(GLOB lists ${LISTS}/*.hpp)
file(GLOB_RECURSE headers RELATIVE ${INCLUDE_DIR} ${INCLUDE_DIR}/*.hpp)
if(NOT lists OR NOT headers)
  message(FATAL_ERROR "no lists in '${LISTS}', or no headers in '${INCLUDE_DIR}'")
endif()

# Interop is opt-in: a header whose library is not installed is left out.
set(standard "")
set(others "")
set(ours "")
foreach(header IN LISTS headers)
  file(STRINGS ${INCLUDE_DIR}/${header} lines REGEX "^#include <")
  set(needed "")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^#include <([^>]+)>.*" "\\1" other ${line})
    if(other MATCHES "^tarn/")
      continue()
    endif()
    set(include "#if __has_include(<${other}>)\n#include <${other}>\n#endif\n")
    list(APPEND needed "__has_include(<${other}>)")
    if(other MATCHES "^[a-z_]+$")
      list(APPEND standard "${include}")
    elseif(NOT other STREQUAL "intrin.h")
      list(APPEND others "${include}")
    endif()
  endforeach()
  list(PREPEND needed "1")
  if(NOT header MATCHES "^tarn/interop/")
    set(needed "1")
  elseif(header STREQUAL "tarn/interop/std_format.hpp")
    list(APPEND needed "defined(__cpp_lib_format)")
  endif()
  list(JOIN needed " && " needed)
  string(APPEND ours "#if ${needed}\n#include <${header}>\n#endif\n")
endforeach()
foreach(includes standard others)
  list(REMOVE_DUPLICATES ${includes})
  list(JOIN ${includes} "" ${includes})
endforeach()
string(APPEND standard "#include <version>\n")

set(broken "")
function(compiles what text)
  set(file ${SCRATCH_DIR}/${what}.cpp)
  file(WRITE ${file} "${text}")
  execute_process(
    COMMAND ${COMPILER} -fsyntax-only -std=c++20 -I ${INCLUDE_DIR} ${file}
    RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    string(APPEND broken "\n${what}:\n${out}")
    set(broken "${broken}" PARENT_SCOPE)
  endif()
endfunction()

set(strays "")
foreach(list IN LISTS lists)
  get_filename_component(name ${list} NAME_WE)
  file(READ ${list} text)
  if(NOT text MATCHES "^(.*)// after the standard headers([^\n]*)(.*)$")
    set(before "${text}")
    set(after "")
  else()
    set(before "${CMAKE_MATCH_1}")
    set(after "${CMAKE_MATCH_3}")
  endif()
  compiles(${name} "${others}${before}\n${standard}${after}\n${ours}")

  # A name may be a function-like macro in one list and an object-like macro in another.
  string(REGEX MATCHALL "#define [A-Za-z0-9_]+(\\([^)\n]*\\))?" macros "${text}")
  foreach(macro IN LISTS macros)
    string(REGEX REPLACE "#define ([A-Za-z0-9_]+).*" "\\1" macro_name "${macro}")
    string(REGEX REPLACE "\\(.*" "(...)" macro "${macro}")
    string(APPEND strays "#undef ${macro_name}\n${macro} @\n")
  endforeach()
endforeach()
compiles(strays "${others}${standard}${strays}\n${ours}")

if(broken)
  message(FATAL_ERROR "${COMPILER}:${broken}")
endif()
list(LENGTH lists count)
message(STATUS "all headers survive ${count} lists of macros with ${COMPILER}")
