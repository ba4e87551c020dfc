# SPDX-License-Identifier: MIT
# Breaks each rule of check_layers.cmake once, in a tree of two headers, and requires that the check
# fails:
#   cmake -D SCRATCH_DIR=<folder> -P check_layers_test.cmake
cmake_minimum_required(VERSION 3.21)

set(head "// SPDX-License-Identifier: MIT\n#pragma once\n")
set(faults_seen 0)

function(run_check result output)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -D INCLUDE_DIR=${SCRATCH_DIR}/include
            -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_layers.cmake
    RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  # CMake wraps long messages, so the text is compared without its white space.
  string(REGEX REPLACE "[ \n]+" " " out "${out}")
  set(${result} ${code} PARENT_SCOPE)
  set(${output} "${out}" PARENT_SCOPE)
endfunction()

# Two headers that keep the law.
function(make_tree)
  file(REMOVE_RECURSE ${SCRATCH_DIR}/include)
  file(WRITE ${SCRATCH_DIR}/include/tarn/detail/base/compiler.hpp "${head}")
  file(WRITE ${SCRATCH_DIR}/include/tarn/product.hpp
       "${head}#include <tarn/detail/base/compiler.hpp>\n")
endfunction()

# plant(<rule> <expected message> [<header> <text>]...)
macro(plant rule expected)
  make_tree()
  set(planted "${ARGN}")
  while(planted)
    list(POP_FRONT planted header text)
    file(WRITE ${SCRATCH_DIR}/include/tarn/${header} "${text}")
  endwhile()
  run_check(code out)
  if(code EQUAL 0)
    message(SEND_ERROR "not seen: ${rule}")
  elseif(NOT out MATCHES "${expected}")
    message(SEND_ERROR "${rule}: expected '${expected}' in:\n${out}")
  else()
    math(EXPR faults_seen "${faults_seen} + 1")
    message(STATUS "seen: ${rule}")
  endif()
endmacro()

make_tree()
run_check(code out)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "the tree without a fault does not pass, so a planted fault proves nothing:\n${out}")
endif()

# plant_climb(<low header> <high header>): low includes high, which stands on a higher floor.
macro(plant_climb low high)
  plant("${low} reaches up to ${high}" "tarn/${low} reaches up to tarn/${high}"
        ${low} "${head}#include <tarn/${high}>\n" ${high} "${head}")
endmacro()
plant_climb(version.hpp fwd.hpp)
plant_climb(detail/base/planted.hpp value/basic/planted.hpp)
plant_climb(detail/depot/planted.hpp detail/core/planted.hpp)
plant_climb(detail/core/planted.hpp detail/upkeep/planted.hpp)
plant_climb(detail/pool/planted.hpp value/planted.hpp)
plant_climb(value/planted.hpp policy/planted.hpp)
plant_climb(policy/planted.hpp planted.hpp)
plant_climb(fwd.hpp planted.hpp)
plant_climb(planted.hpp observe/planted.hpp)
plant_climb(planted.hpp interop/planted.hpp)
plant_climb(observe/detail/planted.hpp observe/planted.hpp)
plant_climb(observe/planted.hpp tarn.hpp)

plant("a cycle" "include cycle among: .*tarn/detail/base/planted_a.hpp"
      detail/base/planted_a.hpp "${head}#include <tarn/detail/base/planted_b.hpp>\n"
      detail/base/planted_b.hpp "${head}#include <tarn/detail/base/planted_a.hpp>\n")
plant("a relative include" "tarn/detail/base/planted.hpp has a relative include"
      detail/base/planted.hpp "${head}#include \"compiler.hpp\"\n")
plant("an include without tarn/" "tarn/planted.hpp spells <detail/base/other.hpp> without"
      planted.hpp "${head}#include <detail/base/other.hpp>\n"
      detail/base/other.hpp "${head}")
plant("an include that climbs" "tarn/planted.hpp spells <tarn/../other.hpp> without"
      planted.hpp "${head}#include <tarn/../other.hpp>\n")
plant("an include of nothing" "planted.hpp includes tarn/detail/base/nothing.hpp, which does not exist"
      detail/base/planted.hpp "${head}#include <tarn/detail/base/nothing.hpp>\n")
plant("no SPDX line" "planted.hpp does not begin with the SPDX line"
      detail/base/planted.hpp "// a comment\n// SPDX-License-Identifier: MIT\n#pragma once\n")
plant("no pragma once" "planted.hpp has no #pragma once"
      detail/base/planted.hpp "// SPDX-License-Identifier: MIT\n// #pragma once\n")
foreach(directive "if 1" "ifdef NDEBUG" "ifndef NDEBUG" " if defined(NDEBUG)")
  plant("#${directive}" "planted.hpp has conditional compilation"
        policy/planted.hpp "${head}#${directive}\n#endif\n")
endforeach()
plant("#if in interop that asks for no other party" "planted.hpp has conditional compilation"
      interop/planted.hpp "${head}#ifdef NDEBUG\n#endif\n")
plant("#if in observe" "planted.hpp has conditional compilation"
      observe/planted.hpp "${head}#if __has_include(<malloc.h>)\n#endif\n")
plant("a question about the front end" "planted.hpp asks which front end a pool has"
      detail/core/planted.hpp "${head}if constexpr (front::is_stack)\n")
plant("a folder without a floor" "tarn/misc/planted.hpp stands on no floor"
      misc/planted.hpp "${head}")

# No semicolons: the texts are elements of a list.
string(REPEAT "int n = a[0] +\n" 150 long)
plant("a long header in detail" "detail/base/planted.hpp has 151 lines of code, more than 150"
      detail/base/planted.hpp "${head}// comments do not count\n\n${long}")
plant("a long header in policy" "policy/planted.hpp has 151 lines of code, more than 150"
      policy/planted.hpp "${head}${long}")
string(REPEAT "int f()\n" 400 long)
plant("a long product" "tarn/planted.hpp has 401 lines of code, more than 400"
      planted.hpp "${head}${long}")

set(crowd "")
foreach(i RANGE 1 16)
  list(APPEND crowd observe/planted_${i}.hpp "${head}")
endforeach()
plant("a crowded folder" "tarn/observe holds [0-9]+ headers, more than 15" ${crowd})

file(REMOVE_RECURSE ${SCRATCH_DIR}/include)
message(STATUS "${faults_seen} planted faults seen")
