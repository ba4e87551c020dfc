# SPDX-License-Identifier: MIT
# The law of the house, as a test: cmake -D INCLUDE_DIR=<repository>/include -P check_layers.cmake
#
#  1. A header includes its own floor or a lower one. The floors are the folders, in the
#     order below, so folders never depend on each other in a circle. Those of detail/ are sub-floors.
#  2. No include cycle, not even one that `#pragma once` would hide.
#  3. Our headers are included as <tarn/...>, never relative; every included header exists.
#  4. The first line is the SPDX line; there is a `#pragma once`.
#  5. No conditional compilation: code that depends on the toolchain stands in
#     detail/base/compiler.hpp, code that depends on the system in detail/system/.
#     Only interop/ may test, by __has_include or a feature macro, whether the other library exists.
#  6. Only detail/frontend/ asks which front end a pool has: no `if constexpr` on one elsewhere.
#  7. Small, since a long header often holds two nouns: 150 lines in detail/, policy/ and value/,
#     400 elsewhere, without comments and blank lines; 15 headers in a folder, without those that
#     hold no code. Larger ones stand below, with the reason and their limit.
#
# check_layers_test.cmake breaks each rule once and requires that the check fails.
cmake_minimum_required(VERSION 3.21)

get_filename_component(INCLUDE_DIR ${INCLUDE_DIR} ABSOLUTE)
set(errors "")
function(fault text)
  set(errors "${errors}  ${text}\n" PARENT_SCOPE)
endfunction()

# Lowest first. "products" are the headers of tarn/ itself.
set(floors
  detail/base       # the compiler, sizes, errors
  value/basic       # values that the mechanism uses itself
  detail/system     # the services of the system
  detail/shared     # counts and words that several owners share
  detail/kept       # the memory that an object keeps
  detail/depot      # the home of blocks
  detail/extents    # blocks above the last tier
  detail/writing    # writing and reading of bytes
  detail/events     # observers and their events
  detail/frontend   # caches in front of the depot
  detail/check      # checks of a block on its way out and home
  detail/samples    # the table of blocks that are followed
  detail/core       # the ways of blocks
  detail/upkeep     # trimming, ageing and purging of idle memory
  detail/bounds     # limits of memory
  detail/pool       # cores in the form that pools use
  fwd.hpp value policy products
  observe/text observe/detail observe/operations observe compat interop
  tarn.hpp)
function(floor_of header result)
  string(REGEX REPLACE "^tarn/" "" name ${header})
  get_filename_component(folder ${name} DIRECTORY)
  if(name STREQUAL "version.hpp")
    set(folder detail/base)
  elseif(name MATCHES "^(fwd|tarn)[.]hpp$")
    set(folder ${name})
  elseif(NOT folder)
    set(folder products)
  endif()
  list(FIND floors "${folder}" floor)
  set(${result} ${floor} PARENT_SCOPE)
endfunction()

# <header> <limit of lines>, <folder> <limit of headers>: each with a reason.
set(may_be_large
  tarn 25                                # one header per product
  tarn/value 22                          # one header per value
  tarn/interop 16                        # one header per library
  tarn/detail/system 16                  # one header per thing that only a system knows
  tarn/policy 23                         # one header per lock, stats, tiers, check and source
  tarn/pool_base.hpp 440                 # one class, from which all pools inherit
  tarn/message.hpp 410                   # a message and the types of its bytes
  tarn/interop/async_get.hpp 410         # a wait, for coroutines and for handlers of three pools
  tarn/fast_buffer.hpp 610               # one class: room at both ends of one storage
  tarn/detail/core 16                    # the ways of blocks, and what caches may hold
  tarn/detail/core/core.hpp 246          # one class, which declares all operations on blocks
  tarn/detail/core/grants.hpp 160        # one account of bytes: granting and taking back
  tarn/detail/core/life.hpp 170          # beginning, closing and ending are one sequence of steps
  tarn/detail/bounds/stock.hpp 160       # buying is one sequence of steps
  tarn/detail/extents/large.hpp 185      # one class
  tarn/detail/frontend/cached_front.hpp 224     # what front ends with caches have in common
  tarn/detail/frontend/cpu_caches.hpp 260       # one class: sections, doors and seals
  tarn/detail/frontend/lock_free_front.hpp 350  # one front end, with bulks, bounds and waiting
  tarn/detail/frontend/placed_stack.hpp 200     # how blocks move between a stack and places
  tarn/detail/frontend/per_cpu_front.hpp 305    # one front end, with bulks, bounds and fork
  tarn/detail/frontend/striped_front.hpp 280    # the same
  tarn/detail/frontend/per_thread_front.hpp 192 # one front end, with bulks, bounds and waiting
  tarn/detail/frontend/native_env.hpp 155       # one environment, with the names of the models'
  tarn/detail/frontend 21                # five front ends, the caches before them, and threads
  tarn/detail/system/rseq_aarch64.hpp 190       # four sections, one line an instruction
  tarn/detail/system/rseq_x86_64.hpp 190        # the same
  tarn/detail/depot/depot.hpp 195        # one class: where the blocks of a tier are
  tarn/detail/depot/slab.hpp 190         # one descriptor, with its creation and its end
  tarn/detail/frontend/registry.hpp 180  # one lock guards all of it
  tarn/detail/shared/waiting_lines.hpp 200      # the same
  tarn/detail/pool/object_core.hpp 170   # one class, with its hit path
  tarn/detail/pool/byte_core.hpp 237)    # one class, with its hit path
function(exception_for name most)
  list(FIND may_be_large ${name} place)
  if(NOT place EQUAL -1)
    math(EXPR place "${place} + 1")
    list(GET may_be_large ${place} limit)
    set(${most} ${limit} PARENT_SCOPE)
  endif()
endfunction()

file(GLOB_RECURSE headers RELATIVE ${INCLUDE_DIR} ${INCLUDE_DIR}/*.hpp)
if(NOT headers)
  message(FATAL_ERROR "no headers in '${INCLUDE_DIR}'")
endif()
set(folders "")

foreach(header IN LISTS headers)
  floor_of(${header} floor)
  if(floor EQUAL -1)
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
      if(NOT header MATCHES "^tarn/detail/(base/compiler[.]hpp$|system/[a-z0-9_]+[.]hpp$)" AND
         NOT (header MATCHES "^tarn/interop/" AND line MATCHES "__has_include|__cpp_"))
        fault("${header} has conditional compilation")
      endif()
    elseif(line MATCHES "if constexpr .*(front::|_shape)" AND NOT header MATCHES "/frontend/")
      fault("${header} asks which front end a pool has")
    endif()
  endforeach()

  if(header MATCHES "^tarn/(detail|policy|value)/")
    set(most 150)
  else()
    set(most 400)
  endif()
  exception_for(${header} most)
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
  set(most 15)
  exception_for(${folder} most)
  if(count GREATER most)
    fault("${folder} holds ${count} headers, more than ${most}")
  endif()
endforeach()

# Removes headers that include no other; the rest is a cycle, or leads to one.
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
