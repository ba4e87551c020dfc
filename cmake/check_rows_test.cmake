# SPDX-License-Identifier: MIT
# Breaks the README's rows or their code once in each way, and requires that check_rows.cmake fails:
#   cmake -D README=README.md -D ROWS=tests/house/readme_rows.cpp -D CXX=g++ -D SCRATCH_DIR=<folder>
#         -P check_rows_test.cmake
cmake_minimum_required(VERSION 3.21)

set(here ${CMAKE_CURRENT_LIST_DIR})
file(MAKE_DIRECTORY ${SCRATCH_DIR}/examples)
file(TOUCH ${SCRATCH_DIR}/examples/typed_pools.cpp)
file(READ ${README} good_readme)
file(READ ${ROWS} good_rows)
set(faults_seen 0)

# check(<README> <code> <expected message> [<argument>...]); no message: it passes.
function(check readme rows expected)
  file(WRITE ${SCRATCH_DIR}/README.md "${readme}")
  file(WRITE ${SCRATCH_DIR}/rows.cpp "${rows}")
  execute_process(COMMAND ${CMAKE_COMMAND} -D README=${SCRATCH_DIR}/README.md
                          -D ROWS=${SCRATCH_DIR}/rows.cpp ${ARGN} -P ${here}/check_rows.cmake
                  RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  string(REGEX REPLACE "[ \n]+" " " out "${out}")
  string(FIND "${out}" "${expected}" place)
  if(expected STREQUAL "")
    if(NOT code EQUAL 0)
      message(FATAL_ERROR "the rows as they are do not pass:\n${out}")
    endif()
  elseif(code EQUAL 0 OR place EQUAL -1)
    message(SEND_ERROR "expected '${expected}' in:\n${out}")
  else()
    math(EXPR seen "${faults_seen} + 1")
    set(faults_seen ${seen} PARENT_SCOPE)
  endif()
endfunction()

# replace(<text> <old> <new> <result>): the old text must be there.
function(replace text old new result)
  string(REPLACE "${old}" "${new}" changed "${text}")
  if(changed STREQUAL text)
    message(SEND_ERROR "'${old}' does not occur any more")
  endif()
  set(${result} "${changed}" PARENT_SCOPE)
endfunction()

check("${good_readme}" "${good_rows}" "")
replace("${good_readme}" "| `GetAtLeast(n)` |" "| `GetMore(n)` | `get_more(n)` |\n| `GetAtLeast(n)` |" text)
check("${text}" "${good_rows}" "no code for the row 'GetMore(n)'")
replace("${good_readme}" "| `ValidateGlobalPools` |" "| |" text)
check("${text}" "${good_rows}" "no row for the code of 'ValidateGlobalPools'")
replace("${good_readme}" "`reset_and_drain()`, `close()`" "`reset_and_drian()`, `close()`" text)
check("${text}" "${good_rows}" "names reset_and_drian, and its code does not")
replace("${good_readme}" "(`compat/expvar.hpp`)" "(`compat/exported.hpp`)" text)
check("${text}" "${good_rows}" "names compat/exported.hpp, which is not included")
replace("${good_readme}" "`examples/typed_pools.cpp`" "`examples/typed.cpp`" text)
check("${text}" "${good_rows}" "names examples/typed.cpp, which does not exist")
replace("${good_readme}" "## If you come from" "## From elsewhere" text)
check("${text}" "${good_rows}" "has no such table")
replace("${good_rows}" "// row: GetAtLeast(n)" "// row: GetUnsizedBytesPool().Get()" text)
check("${good_readme}" "${text}" "has the row 'GetUnsizedBytesPool().Get()' twice")
replace("${good_rows}" "#include <cstddef>" "#include <no_such_header>" text)
check("${good_readme}" "${text}" "does not compile" -D CXX=${CXX} -D INCLUDE_DIR=${SCRATCH_DIR})
message(STATUS "${faults_seen} faults seen")
