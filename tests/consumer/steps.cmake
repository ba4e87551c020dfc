# SPDX-License-Identifier: MIT
# The steps that the routes share. Input: TARN_DIR, COMPILER, SCRATCH_DIR (emptied here).
cmake_minimum_required(VERSION 3.21)
file(REMOVE_RECURSE ${SCRATCH_DIR})
file(MAKE_DIRECTORY ${SCRATCH_DIR})

# Flags and tools of the surrounding build must not affect the consumer.
foreach(variable CXXFLAGS CPPFLAGS LDFLAGS CPATH CPLUS_INCLUDE_PATH CMAKE_PREFIX_PATH)
  unset(ENV{${variable}})
endforeach()

function(step)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${SCRATCH_DIR}
                  RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "failed: ${command}\n${out}")
  endif()
  set(step_output "${out}" PARENT_SCOPE)
endfunction()

# Configures and builds the project in the folder, then runs the program.
function(build_consumer folder)
  step(${CMAKE_COMMAND} -S ${folder} -B build -D CMAKE_CXX_COMPILER=${COMPILER} ${ARGN})
  step(${CMAKE_COMMAND} --build build)
  run_consumer(${SCRATCH_DIR}/build/consumer)
endfunction()

function(run_consumer program)
  step(${program})
  if(NOT step_output STREQUAL "OK\n")
    message(FATAL_ERROR "the consumer printed '${step_output}'")
  endif()
  message(STATUS "the consumer printed OK")
endfunction()

# Installs tarn into SCRATCH_DIR/prefix.
function(install_tarn)
  step(${CMAKE_COMMAND} -S ${TARN_DIR} -B tarn -D CMAKE_CXX_COMPILER=${COMPILER}
       -D TARN_BUILD_TESTS=OFF -D TARN_BUILD_BENCHMARKS=OFF -D TARN_BUILD_EXAMPLES=OFF
       -D CMAKE_INSTALL_PREFIX=${SCRATCH_DIR}/installed)
  step(${CMAKE_COMMAND} --install tarn)
  # Moved after the installation: no installed file may contain the first path.
  file(RENAME ${SCRATCH_DIR}/installed ${SCRATCH_DIR}/prefix)
endfunction()
