# SPDX-License-Identifier: MIT
# jq reads the JSON output and checks conditions on it:
#   cmake -D PROGRAM=<expositions> -D JQ=<jq> -D SCRATCH_DIR=<folder> -P check_json.cmake
cmake_minimum_required(VERSION 3.21)
file(MAKE_DIRECTORY ${SCRATCH_DIR})

# check(<format> <condition>...): each condition must be true of the whole output.
function(check format)
  execute_process(COMMAND ${PROGRAM} ${format} OUTPUT_FILE ${SCRATCH_DIR}/${format}.json
                  RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ${format} ended with ${code}")
  endif()
  foreach(condition IN LISTS ARGN)
    execute_process(COMMAND ${JQ} -e ${condition} ${SCRATCH_DIR}/${format}.json
                    RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
    if(NOT code EQUAL 0)
      message(SEND_ERROR "jq says of ${format}, ${condition}:\n${out}")
    else()
      message(STATUS "${format}: ${condition}")
    endif()
  endforeach()
endfunction()

check(json ".pools | length == 6"
           "[.pools[] | .name] == [\"frames\", \"buffers\", \"names\", \"records\", \"batches\", \"a\\\\b\\\"c\\nd\\te{f}=,é\\ufffd<&>\"]"
           "[.pools[] | .total.gets == ([.tiers[].gets] | add)] | all"
           "[.pools[] | .total.idle_bytes == ([.tiers[].idle_bytes] | add)] | all"
           "[.pools[].tiers[] | .hits + .misses == .gets and .gets - .puts == .in_use] | all"
           "[.pools[].tiers[] | .created == .idle + .in_use + .retired + .abandoned] | all"
           ".pools[0].misuses.foreign == 1 and .pools[1].misuses == null"
           ".pools[0].recent_lengths[-1] == 4096 and .pools[1].recent_lengths == null"
           "([.pools[0].sizes[].count] | add) == .pools[0].total.gets + .pools[0].large.gets"
           ".pools[0].nodes.in_use >= 0 and .pools[2].nodes == null"
           ".pools[0].limit_bytes == null")
check(debug_vars "keys | length == 6"
                 "keys_unsorted == keys"
                 ".frames_pool_stats | keys_unsorted == [\"discarded\", \"pools\", \"recent_lengths\", \"total_get\", \"total_put\"]"
                 ".frames_pool_stats.pools | keys_unsorted == keys"
                 ".frames_pool_stats | .total_get == ([.pools[].get] | add)"
                 ".frames_pool_stats.recent_lengths | length > 0"
                 ".frames_pool_stats.discarded == 3"
                 ".buffers_pool_stats.recent_lengths == null")
check(portask "keys_unsorted == [\"name\", \"object_size\", \"max_objects\", \"current_objects\", \"alloc_count\", \"hit_count\", \"miss_count\", \"hit_ratio\", \"memory_usage_bytes\", \"last_resized\", \"created_at\"]"
              ".created_at | endswith(\"Z\")")

# Checks that jq can fail.
foreach(condition ".pools | length == 5" ".pools[" )
  execute_process(COMMAND ${JQ} -e ${condition} ${SCRATCH_DIR}/json.json
                  RESULT_VARIABLE code OUTPUT_QUIET ERROR_QUIET)
  if(code EQUAL 0)
    message(SEND_ERROR "jq takes everything for true")
  endif()
endforeach()
