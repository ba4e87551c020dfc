# SPDX-License-Identifier: MIT
include(${CMAKE_CURRENT_LIST_DIR}/../steps.cmake)
build_consumer(${CMAKE_CURRENT_LIST_DIR} -D TARN_DIR=${TARN_DIR})
