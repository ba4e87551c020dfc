# SPDX-License-Identifier: MIT
# Compiles and runs std_format.cpp with the first compiler at hand that has <format>:
#   cmake -D SOURCE=<file> -D COMPILER=<c++> -D INCLUDE_DIR=<include> -D SCRATCH_DIR=<folder>
#         -P std_format.cmake
cmake_minimum_required(VERSION 3.21)

set(flags -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror)
set(program ${SCRATCH_DIR}/std_format)
file(MAKE_DIRECTORY ${SCRATCH_DIR})
file(WRITE ${SCRATCH_DIR}/probe.cpp
     "#include <format>\nint main() { return std::format(\"{}\", 1) == \"1\" ? 0 : 1; }\n")

find_program(CLANGXX NAMES clang++-19 clang++-18 clang++-17 clang++)
set(compiler "")
foreach(candidate "${COMPILER}" "${CLANGXX};-stdlib=libc++")
  execute_process(COMMAND ${candidate} ${flags} ${SCRATCH_DIR}/probe.cpp -o ${program}
                  RESULT_VARIABLE code OUTPUT_QUIET ERROR_QUIET)
  if(code EQUAL 0)
    set(compiler ${candidate})
    break()
  endif()
endforeach()
if(NOT compiler)
  message(STATUS "skipped: no compiler with <format> (Debian: clang-19 libc++-19-dev libc++abi-19-dev)")
  return()
endif()

execute_process(COMMAND ${compiler} ${flags} -I ${INCLUDE_DIR} ${SOURCE} -o ${program} -pthread
                RESULT_VARIABLE code ERROR_VARIABLE errors)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${SOURCE} does not compile with ${compiler}:\n${errors}")
endif()
execute_process(COMMAND ${program} RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${SOURCE}, compiled with ${compiler}, ended with ${code}")
endif()
list(JOIN compiler " " compiler)
message(STATUS "std::format of ${compiler} writes to a fast_buffer")
