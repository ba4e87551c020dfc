# SPDX-License-Identifier: MIT
# `promtool check metrics` finds no fault in the output, and finds the faults that are planted:
#   cmake -D PROGRAM=<expositions> -D PROMTOOL=<promtool> -D SCRATCH_DIR=<folder>
#         -P check_metrics.cmake
cmake_minimum_required(VERSION 3.21)
file(MAKE_DIRECTORY ${SCRATCH_DIR})

# check(<result> <text file>)
function(check result file)
  execute_process(COMMAND ${PROMTOOL} check metrics INPUT_FILE ${file}
                  RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  set(${result} ${code} PARENT_SCOPE)
  set(out "${out}" PARENT_SCOPE)
endfunction()

foreach(format prometheus takhin)
  set(file ${SCRATCH_DIR}/${format}.txt)
  execute_process(COMMAND ${PROGRAM} ${format} OUTPUT_FILE ${file} RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ${format} ended with ${code}")
  endif()
  check(code ${file})
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${PROMTOOL} about ${format}:\n${out}")
  endif()
  message(STATUS "promtool has nothing to say about ${format}")
endforeach()

# plant(<fault> <regular expression> <replacement>), in the text of takhin, which has no brackets.
file(READ ${SCRATCH_DIR}/takhin.txt good)
function(plant fault expression replacement)
  string(REGEX REPLACE "${expression}" "${replacement}" spoilt "${good}")
  if(spoilt STREQUAL good)
    message(SEND_ERROR "nothing to spoil: ${fault}")
  endif()
  file(WRITE ${SCRATCH_DIR}/spoilt.txt "${spoilt}")
  check(code ${SCRATCH_DIR}/spoilt.txt)
  if(code EQUAL 0)
    message(SEND_ERROR "not seen: ${fault}")
  else()
    message(STATUS "seen: ${fault}")
  endif()
endfunction()
plant("a metric without help" "# HELP takhin_mempool_buffer_gets_total[^\n]*\n" "")
plant("a counter without _total" "buffer_gets_total" "buffer_gets")
plant("a gauge that ends like a counter" "record_in_use" "record_in_use_total")
plant("a type twice" "(# TYPE takhin_mempool_buffer_puts_total counter\n)" "\\1\\1")
plant("a type behind its sample"
      "(# TYPE takhin_mempool_buffer_puts_total counter\n)(takhin[^\n]*\n)" "\\2\\1")
plant("a value that is no number" "buffer_puts_total [0-9]+" "buffer_puts_total many")
plant("a last line without an end" "\n$" "")
plant("a label value without an end" "buffer_in_use ([0-9])" "buffer_in_use{a=\"b} \\1")
plant("a wrong escape" "buffer_in_use ([0-9])" "buffer_in_use{a=\"\\\\t\"} \\1")
