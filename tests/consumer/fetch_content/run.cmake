# SPDX-License-Identifier: MIT
include(${CMAKE_CURRENT_LIST_DIR}/../steps.cmake)
build_consumer(${CMAKE_CURRENT_LIST_DIR} -D FETCHCONTENT_SOURCE_DIR_TARN=${TARN_DIR})
