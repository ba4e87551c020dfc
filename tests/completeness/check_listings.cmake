# SPDX-License-Identifier: MIT
# Every product x lock x stats is tested and measured:
#   cmake -D TESTS=<program> [-D BENCHMARKS=<program>] -P check_listings.cmake
#
# The expected names stand here in words, not in the list that tests and benchmarks share. So the
# check fails if a policy drops out of that list, and a new policy has to be added here. Listings
# may also come from files: TESTS_LISTING, BENCHMARKS_LISTING.
cmake_minimum_required(VERSION 3.21)

set(products byte_pool object_pool shared_buffer fast_buffer message_pool)
# In the benchmarks these have all pairs with EVERY_PAIR (see benchmarks/CMakeLists.txt), else two.
set(kin unsized_pool built_pool record_pool chain builder)
set(pairs_of_kin "lock:std::mutex/stats:no_stats" "lock:thread_cached/stats:counting_stats")
set(locks no_lock std::mutex spin_lock "user's lock" lock_free thread_cached
    "thread_cached<spin_lock>" "thread_cached<user's lock>" per_cpu)
set(stats no_stats counting_stats recording_stats "user's stats")

# Brackets and semicolons would be read as list syntax.
function(clean text result)
  string(REGEX REPLACE "[][;]" " " text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# list_names(<kind> <result>): the names that the program lists, or the content of the file that
# replaces it.
function(list_names what result)
  if(${what}_LISTING)
    file(READ ${${what}_LISTING} text)
  elseif(what STREQUAL "BENCHMARKS")
    execute_process(COMMAND ${BENCHMARKS} --benchmark_list_tests
                    OUTPUT_VARIABLE text ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
  else()
    # Catch2 version 3 first; version 2 has another option for it.
    execute_process(COMMAND ${TESTS} --list-tests --verbosity quiet
                    OUTPUT_VARIABLE text ERROR_QUIET RESULT_VARIABLE code)
    if(NOT code EQUAL 0 OR NOT text MATCHES "(^|\n)[a-z_]+/lock:")
      execute_process(COMMAND ${TESTS} --list-test-names-only
                      OUTPUT_VARIABLE text ERROR_QUIET RESULT_VARIABLE code)
    endif()
  endif()
  clean("${text}" text)
  set(${result} "\n${text}\n" PARENT_SCOPE)
endfunction()

set(errors "")
function(compare what text)
  string(REPLACE "\n" ";" lines "${text}")
  set(found "")
  foreach(line IN LISTS lines)
    # The name of a benchmark has more parts: the operation, sizes, threads.
    if(line MATCHES "^ *([a-z_]+)(/[a-z_]+)?(/lock:[^/]+/stats:[^/]+)")
      list(APPEND found "${CMAKE_MATCH_1}${CMAKE_MATCH_3}")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES found)
  foreach(product IN LISTS products kin)
    foreach(lock IN LISTS locks)
      foreach(stat IN LISTS stats)
        set(pair "lock:${lock}/stats:${stat}")
        if(what STREQUAL "benchmarks" AND product IN_LIST kin AND NOT EVERY_PAIR AND
           NOT pair IN_LIST pairs_of_kin)
          continue()
        endif()
        set(name "${product}/${pair}")
        if(name IN_LIST found)
          list(REMOVE_ITEM found "${name}")
        else()
          set(errors "${errors}  ${what}: no ${name}\n")
        endif()
      endforeach()
    endforeach()
  endforeach()
  foreach(name IN LISTS found)
    set(errors "${errors}  ${what}: ${name} is not expected; name it in check_listings.cmake\n")
  endforeach()
  set(errors "${errors}" PARENT_SCOPE)
endfunction()

list_names(TESTS names)
compare("tests" "${names}")
if(BENCHMARKS OR BENCHMARKS_LISTING)
  list_names(BENCHMARKS names)
  compare("benchmarks" "${names}")
else()
  message(STATUS "benchmarks left out: they are not built")
endif()

if(errors)
  message(FATAL_ERROR "The matrix has gaps:\n${errors}")
endif()
list(LENGTH products p)
list(LENGTH kin k)
math(EXPR p "${p} + ${k}")
list(LENGTH locks l)
list(LENGTH stats s)
message(STATUS "complete: ${p} products x ${l} locks x ${s} stats policies")
