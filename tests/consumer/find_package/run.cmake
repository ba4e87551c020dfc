# SPDX-License-Identifier: MIT
include(${CMAKE_CURRENT_LIST_DIR}/../steps.cmake)
install_tarn()
build_consumer(${CMAKE_CURRENT_LIST_DIR} -D CMAKE_PREFIX_PATH=${SCRATCH_DIR}/prefix)
