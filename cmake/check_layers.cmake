# SPDX-License-Identifier: MIT
# The law of the house, as a test: cmake -D INCLUDE_DIR=<repository>/include -P check_layers.cmake
#
#  1. A header includes its own floor or a lower one. Lowest first: detail (and version.hpp) < policy
#     (and fwd.hpp, which only declares) < products < observe, interop < the umbrella tarn.hpp.
#  2. No include cycle, not even one that `#pragma once` would hide.
#  3. Our headers are included as <tarn/...>, never relative; what is included exists.
#  4. The first line is the SPDX line; there is a `#pragma once`.
#  5. No conditional compilation: what depends on the toolchain stands in detail/compiler.hpp, what
#     depends on the system in detail/system/.
#     Only interop/ and observe/ may ask, by __has_include or a feature macro, whether their other
#     party (a library, a part of the system) is there.
#  6. Small: 150 lines in detail/ and policy/, 400 elsewhere, comments and blank lines apart;
#     15 headers in a folder, those apart that hold no code (fwd.hpp, version.hpp, tarn.hpp).
#     A header may be a fifth longer if it is listed below, with a reason.
#
# check_layers_test.cmake breaks each rule once and demands that it is seen.
cmake_minimum_required(VERSION 3.21)

get_filename_component(INCLUDE_DIR ${INCLUDE_DIR} ABSOLUTE)
set(errors "")
function(fault text)
  set(errors "${errors}  ${text}\n" PARENT_SCOPE)
endfunction()

function(floor_of header result)
  if(header MATCHES "^tarn/detail/|^tarn/version[.]hpp$")
    set(floor 0)
  elseif(header MATCHES "^tarn/policy/|^tarn/fwd[.]hpp$")
    set(floor 1)
  elseif(header MATCHES "^tarn/(observe|interop)/")
    set(floor 3)
  elseif(header STREQUAL "tarn/tarn.hpp")
    set(floor 4)
  elseif(header MATCHES "^tarn/[^/]+$")
    set(floor 2)
  else()
    set(floor none)
  endif()
  set(${result} ${floor} PARENT_SCOPE)
endfunction()

# A fifth longer, each for a reason.
set(may_be_long
  tarn/detail/byte_core.hpp     # one class, with its hit path
  tarn/detail/core/core.hpp     # one class, which declares all that is done with blocks
  tarn/detail/core/threads.hpp  # attaching is one sequence of steps
  tarn/detail/depot/slab.hpp    # one descriptor, with making and ending it
  tarn/detail/registry.hpp)     # one lock guards all of it
file(GLOB_RECURSE headers RELATIVE ${INCLUDE_DIR} ${INCLUDE_DIR}/*.hpp)
if(NOT headers)
  message(FATAL_ERROR "no headers in '${INCLUDE_DIR}'")
endif()
set(folders "")

foreach(header IN LISTS headers)
  floor_of(${header} floor)
  if(floor STREQUAL "none")
    fault("${header} stands on no floor")
    continue()
  endif()

  # Brackets and semicolons would be read as list syntax.
  file(READ ${INCLUDE_DIR}/${header} text)
  string(REGEX REPLACE "[][;\\]" " " text "${text}")
  if(NOT text MATCHES "^// SPDX-License-Identifier: MIT\n")
    fault("${header} does not begin with the SPDX line")
  endif()
  if(NOT text MATCHES "\n#pragma once\n")
    fault("${header} has no #pragma once")
  endif()

  string(REPLACE "\n" ";" lines "${text}")
  set(code_lines 0)
  set(needs_${header} "")
  foreach(line IN LISTS lines)
    if(line MATCHES "^ *(//.*)?$")
      continue()
    endif()
    math(EXPR code_lines "${code_lines} + 1")
    if(line MATCHES "^ *# *include *\"")
      fault("${header} has a relative include")
    elseif(line MATCHES "^ *# *include *<([^>]+)>")
      set(needed ${CMAKE_MATCH_1})
      if(needed MATCHES "^tarn/" AND NOT needed MATCHES "/[.][.]?/|//")
        list(APPEND needs_${header} ${needed})
        floor_of(${needed} needed_floor)
        if(NOT EXISTS ${INCLUDE_DIR}/${needed})
          fault("${header} includes ${needed}, which does not exist")
        elseif(needed_floor GREATER floor)
          fault("${header} reaches up to ${needed}")
        endif()
      elseif(needed MATCHES "[.][.]?/|//" OR EXISTS ${INCLUDE_DIR}/tarn/${needed})
        fault("${header} spells <${needed}> without <tarn/...>")
      endif()
    elseif(line MATCHES "^ *# *(if|ifdef|ifndef|elif|elifdef|elifndef)([^a-z]|$)")
      if(NOT header MATCHES "^tarn/detail/(compiler[.]hpp$|system/[a-z_]+[.]hpp$)" AND
         NOT (header MATCHES "^tarn/(interop|observe)/" AND line MATCHES "__has_include|__cpp_"))
        fault("${header} has conditional compilation")
      endif()
    endif()
  endforeach()

  if(floor LESS 2 AND NOT header MATCHES "^tarn/[^/]+$")
    set(most 150)
  else()
    set(most 400)
  endif()
  if(header IN_LIST may_be_long)
    math(EXPR most "${most} * 6 / 5")
  endif()
  if(code_lines GREATER most)
    fault("${header} has ${code_lines} lines of code, more than ${most}")
  endif()

  if(header MATCHES "^tarn/(fwd|version|tarn|instances)[.]hpp$")
    continue()
  endif()
  get_filename_component(folder ${header} DIRECTORY)
  list(APPEND folders ${folder})
  list(APPEND headers_in_${folder} ${header})
endforeach()

list(REMOVE_DUPLICATES folders)
foreach(folder IN LISTS folders)
  list(LENGTH headers_in_${folder} count)
  if(count GREATER 15)
    fault("${folder} holds ${count} headers, more than 15")
  endif()
endforeach()

# Take away headers that need nothing; what cannot be taken away is a cycle, or leads to one.
set(left ${headers})
set(progress TRUE)
while(progress)
  set(progress FALSE)
  foreach(header IN LISTS left)
    set(open FALSE)
    foreach(needed IN LISTS needs_${header})
      if(needed IN_LIST left)
        set(open TRUE)
      endif()
    endforeach()
    if(NOT open)
      list(REMOVE_ITEM left ${header})
      set(progress TRUE)
    endif()
  endforeach()
endwhile()
if(left)
  fault("include cycle among: ${left}")
endif()

if(errors)
  message(FATAL_ERROR "The law of the house is broken:\n${errors}")
endif()
list(LENGTH headers count)
message(STATUS "${count} headers keep the law of the house")
