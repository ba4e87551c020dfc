# SPDX-License-Identifier: MIT
# A copy of include/ and a compiler are enough.
include(${CMAKE_CURRENT_LIST_DIR}/../steps.cmake)
file(COPY ${TARN_DIR}/include DESTINATION ${SCRATCH_DIR}/vendor)
step(${COMPILER} -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror
     -pthread -I vendor/include ${CMAKE_CURRENT_LIST_DIR}/../main.cpp -o consumer)
run_consumer(${SCRATCH_DIR}/consumer)
