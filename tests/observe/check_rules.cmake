# SPDX-License-Identifier: MIT
# promtool checks the rules and the configuration of examples/prometheus; and the rules' tests fail
# when a fault is planted in a rule:
#   cmake -D PROMTOOL=<promtool> -D EXAMPLE_DIR=<examples/prometheus> -D SCRATCH_DIR=<folder>
#         -P check_rules.cmake
cmake_minimum_required(VERSION 3.21)
file(MAKE_DIRECTORY ${SCRATCH_DIR})

foreach(command "check;config;prometheus.yml" "check;rules;rules.yml" "test;rules;rules_test.yml")
  execute_process(COMMAND ${PROMTOOL} ${command} WORKING_DIRECTORY ${EXAMPLE_DIR}
                  RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  list(JOIN command " " command)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "promtool ${command}:\n${out}")
  endif()
  message(STATUS "promtool ${command}: good")
endforeach()

# Every alert has a test in which it fires, and one in which it does not.
file(STRINGS ${EXAMPLE_DIR}/rules.yml alerts REGEX "- alert: ")
file(READ ${EXAMPLE_DIR}/rules_test.yml tests)
foreach(alert IN LISTS alerts)
  string(REGEX REPLACE ".*- alert: " "" alert "${alert}")
  if(NOT tests MATCHES "alertname: ${alert}\n +exp_alerts:")
    message(SEND_ERROR "no test lets ${alert} fire")
  endif()
  if(NOT tests MATCHES "alertname: ${alert}}")
    message(SEND_ERROR "no test shows when ${alert} stays quiet")
  endif()
endforeach()

# plant(<fault> <text> <replacement>)
file(READ ${EXAMPLE_DIR}/rules.yml good)
file(COPY ${EXAMPLE_DIR}/rules_test.yml DESTINATION ${SCRATCH_DIR})
function(plant fault text replacement)
  string(REPLACE "${text}" "${replacement}" spoilt "${good}")
  if(spoilt STREQUAL good)
    message(SEND_ERROR "nothing to spoil: ${fault}")
  endif()
  file(WRITE ${SCRATCH_DIR}/rules.yml "${spoilt}")
  execute_process(COMMAND ${PROMTOOL} test rules rules_test.yml WORKING_DIRECTORY ${SCRATCH_DIR}
                  RESULT_VARIABLE code OUTPUT_QUIET ERROR_QUIET)
  if(code EQUAL 0)
    message(SEND_ERROR "not seen: ${fault}")
  else()
    message(STATUS "seen: ${fault}")
  endif()
endfunction()
plant("the seed's hit rate: oversize requests count" "rate(takhin_mempool_buffer_oversized_total[5m])"
      "0 * rate(takhin_mempool_buffer_oversized_total[5m])")
plant("a hit rate of unused pools" "(rate(takhin_mempool_buffer_gets_total[5m]) > 0)"
      "rate(takhin_mempool_buffer_gets_total[5m])")
plant("1000 buffers are too many" "in_use > 1000" "in_use >= 1000")
plant("buffers are never too many" "in_use > 1000" "in_use > 2000")
plant("allocating is always bad" "buffer_hit_rate:rate5m < 0.5" "buffer_hit_rate:rate5m < 0.95")
plant("allocating is never bad" "buffer_hit_rate:rate5m < 0.5" "buffer_hit_rate:rate5m < 0")
plant("hits counted for misses" "1 - sum without (tier) (rate(tarn_misses_total"
      "sum without (tier) (rate(tarn_misses_total")
plant("an alert at once" "rate5m < 0.8\n        for: 10m" "rate5m < 0.8\n        for: 1m")
plant("a wave taken for a leak" "      and pool:tarn_outstanding:min30m offset 30m"
      "      or pool:tarn_outstanding:min30m offset 30m")
plant("a leak that is not seen" "min30m > 100" "min30m > 10000")
plant("requested and reserved bytes in each other's place"
      "1 - (sum without (tier) (rate(tarn_requested_bytes_total" "(sum without (tier) (rate(tarn_requested_bytes_total")
plant("misuse that is over" "increase(tarn_misuses_total[5m])" "tarn_misuses_total")
plant("short waits taken for long ones" "p99_rate5m > 0.5" "p99_rate5m > 0.05")
plant("long waits that are not seen" "p99_rate5m > 0.5" "p99_rate5m > 5")
plant("objects made, turned over" "returned_per_constructed < 0.8" "returned_per_constructed > 0.8")
