# SPDX-License-Identifier: MIT
# Removes one combination from each listing, and adds one, and requires that the check fails each
# time:
#   cmake -D TESTS=<program> [-D BENCHMARKS=<program>] -D SCRATCH_DIR=<folder> -P ...
cmake_minimum_required(VERSION 3.21)

set(here ${CMAKE_CURRENT_LIST_DIR})
set(faults_seen 0)
execute_process(COMMAND ${TESTS} --list-tests --verbosity quiet OUTPUT_VARIABLE TESTS_TEXT ERROR_QUIET)
if(NOT TESTS_TEXT MATCHES "(^|\n)[a-z_]+/lock:")
  execute_process(COMMAND ${TESTS} --list-test-names-only OUTPUT_VARIABLE TESTS_TEXT ERROR_QUIET)
endif()
set(kinds TESTS)
if(BENCHMARKS)
  execute_process(COMMAND ${BENCHMARKS} --benchmark_list_tests
                  OUTPUT_VARIABLE BENCHMARKS_TEXT ERROR_QUIET)
  list(APPEND kinds BENCHMARKS)
endif()

# check(<kind> <text> <expected message>)
function(check kind text expected)
  foreach(k IN LISTS kinds)
    file(WRITE ${SCRATCH_DIR}/${k}.txt "${${k}_TEXT}")
  endforeach()
  file(WRITE ${SCRATCH_DIR}/${kind}.txt "${text}")
  set(listings "")
  foreach(k IN LISTS kinds)
    list(APPEND listings -D ${k}_LISTING=${SCRATCH_DIR}/${k}.txt)
  endforeach()
  execute_process(COMMAND ${CMAKE_COMMAND} ${listings} -D EVERY_PAIR=${EVERY_PAIR} -P ${here}/check_listings.cmake
                  RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  string(REGEX REPLACE "[ \n]+" " " out "${out}")
  string(FIND "${out}" "${expected}" place)
  if(expected STREQUAL "")
    if(NOT code EQUAL 0)
      message(FATAL_ERROR "the listings as they are do not pass:\n${out}")
    endif()
  elseif(code EQUAL 0 OR place EQUAL -1)
    message(SEND_ERROR "${kind}: expected '${expected}' in:\n${out}")
  else()
    math(EXPR seen "${faults_seen} + 1")
    set(faults_seen ${seen} PARENT_SCOPE)
  endif()
endfunction()

foreach(kind IN LISTS kinds)
  string(TOLOWER ${kind} word)
  check(${kind} "${${kind}_TEXT}" "")
  foreach(gone "object_pool/[^\n]*lock:lock_free/stats:no_stats" "byte_pool/[^\n]*lock:no_lock/"
               "byte_pool/" "chain/" "record_pool/[^\n]*lock:std::mutex/stats:no_stats")
    string(REGEX REPLACE "(^|\n) *${gone}[^\n]*" "" text "${${kind}_TEXT}")
    check(${kind} "${text}" "${word}: no ")
  endforeach()
  check(${kind} "${${kind}_TEXT}\nbyte_pool/lock:another/stats:no_stats\n"
        "${word}: byte_pool/lock:another/stats:no_stats is not expected")
endforeach()
message(STATUS "${faults_seen} gaps seen")
