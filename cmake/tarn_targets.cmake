# SPDX-License-Identifier: MIT
# The one file that knows how our own programs are built and run. All settings are PRIVATE to them;
# a consumer never sees this file.
option(TARN_WERROR "Treat warnings in our own programs as errors" OFF)
# All 32 pairs of lock and stats policies take ten times as long to compile as two of them. So each
# program takes a sixteenth of them, or half of that, and others in each build of .ci/run.
# A separate program takes all pairs (tests/completeness), except with a sanitizer.
option(TARN_TEST_EVERY_POLICY "All tests run over all pairs of lock and stats policies" OFF)
set(TARN_TEST_PARTS 16 CACHE STRING "Else: into how many parts the pairs are divided: 8, 16 or 32")
set(TARN_TEST_PART 0 CACHE STRING "Else: which part of the pairs, from 0; programs differ")
if(NOT TARN_TEST_PARTS MATCHES "^(8|16|32)$")
  message(FATAL_ERROR "TARN_TEST_PARTS is '${TARN_TEST_PARTS}'; it must be 8, 16 or 32")
endif()
if(NOT TARN_TEST_PART MATCHES "^[0-9]+$" OR TARN_TEST_PART GREATER_EQUAL TARN_TEST_PARTS)
  message(FATAL_ERROR
    "TARN_TEST_PART is '${TARN_TEST_PART}'; it must be 0 or more, and less than ${TARN_TEST_PARTS}")
endif()

# All programs go to one folder, where cmake/run.sh and users find them.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

# What all our own programs are compiled with.
function(tarn_own_options name)
  target_link_libraries(${name} PRIVATE tarn::tarn)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion
                         -Wshadow $<$<BOOL:${TARN_WERROR}>:-Werror>)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
endfunction()

function(tarn_program name)
  add_executable(${name} ${ARGN})
  tarn_own_options(${name})
endfunction()

# What Catch2 programs are compiled with besides.
function(tarn_test_options name label)
  target_link_libraries(${name} PRIVATE tarn_catch2)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  # Thirty pools of different policies in one file: an optimiser inlines each hit path at each call
  # and takes minutes for it. Measured code is built with -O2, in benchmarks and golden counts.
  if(label STREQUAL "stress")
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  else()
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  endif()
endfunction()

# tarn_test(<name> <sources>... [LABELS <label>...]): a Catch2 program and one ctest that runs it.
# One ctest per program: asking each program for its cases would cost more than running them.
function(tarn_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" LABELS)
  tarn_program(${name} ${arg_UNPARSED_ARGUMENTS})
  tarn_test_options(${name} "${arg_LABELS}")
  if(TARGET tarn_test_headers AND arg_LABELS MATCHES "^(unit|misuse|seeds|lifetime)$")
    target_precompile_headers(${name} REUSE_FROM tarn_test_headers)
  endif()
  if(NOT TARN_TEST_EVERY_POLICY)
    string(MD5 digest ${name})
    string(SUBSTRING ${digest} 0 2 byte)
    math(EXPR part "(0x${byte} * ${TARN_TEST_PARTS} / 256 + ${TARN_TEST_PART}) % ${TARN_TEST_PARTS}")
    target_compile_definitions(${name} PRIVATE TARN_TEST_PART=${part}
                                               TARN_TEST_PARTS=${TARN_TEST_PARTS})
  endif()
  # Stress tests keep their own cores, so that the optimiser treats them as a user's code. Static
  # tests instantiate the cores that they look at.
  if(TARGET tarn_test_cores AND NOT arg_LABELS MATCHES "^(stress|static)$")
    target_link_libraries(${name} PRIVATE tarn_test_cores)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 600)
endfunction()

# tarn_benchmark(<name> <file>): a benchmark; its ctest runs it once with --smoke so it cannot rot.
function(tarn_benchmark name file)
  tarn_program(${name} ${file})
  target_link_libraries(${name} PRIVATE benchmark::benchmark)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/benchmarks)
  add_test(NAME ${name} COMMAND ${name} --smoke)
  set_tests_properties(${name} PROPERTIES LABELS benchmark TIMEOUT 600)
endfunction()

# tarn_example(<name> <sources>... [ARGS <argument>...]): an example, run as a test.
function(tarn_example name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" ARGS)
  tarn_program(${name} ${arg_UNPARSED_ARGUMENTS})
  add_test(NAME example_${name} COMMAND ${name} ${arg_ARGS})
  set_tests_properties(example_${name} PROPERTIES LABELS example TIMEOUT 300)
endfunction()

# tarn_script_test(<name> <script> [<variable>=<value>...]): runs a CMake script as a test. A script
# cannot choose its exit code, so a line that starts with "skipped:" means skipped.
function(tarn_script_test name script)
  list(TRANSFORM ARGN PREPEND -D OUTPUT_VARIABLE definitions)
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} ${definitions} -P ${script})
  set_tests_properties(${name} PROPERTIES LABELS house TIMEOUT 600
                       SKIP_REGULAR_EXPRESSION "skipped:")
endfunction()
