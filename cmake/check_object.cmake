# SPDX-License-Identifier: MIT
# The size of one get and one put in an object file, where the pool is compiled in another file:
#   cmake -D INCLUDE_DIR=<include> -D COMPILER=<c++> -D SIZE=<size> -D SOURCE=<exchange.cpp>
#         -D SCRATCH_DIR=<folder> -P check_object.cmake
cmake_minimum_required(VERSION 3.21)

set(most_text 24576)
set(most_data 4096)
foreach(level O0 O2)
  set(object ${SCRATCH_DIR}/exchange_${level}.o)
  execute_process(COMMAND ${COMPILER} -std=c++20 -${level} -I ${INCLUDE_DIR} -c ${SOURCE} -o ${object}
                  RESULT_VARIABLE code ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${SOURCE} does not compile:\n${out}")
  endif()
  execute_process(COMMAND ${SIZE} ${object} OUTPUT_VARIABLE sizes RESULT_VARIABLE code)
  if(NOT code EQUAL 0 OR NOT sizes MATCHES "\n *([0-9]+)[ \t]+([0-9]+)[ \t]")
    message(FATAL_ERROR "${SIZE} says nothing of ${object}: ${sizes}")
  endif()
  set(text ${CMAKE_MATCH_1})
  set(data ${CMAKE_MATCH_2})
  message(STATUS "-${level}: ${text} bytes of text, ${data} of data")
  if(text GREATER most_text OR data GREATER most_data)
    message(SEND_ERROR "-${level}: at most ${most_text} of text and ${most_data} of data are allowed")
  endif()
endforeach()
