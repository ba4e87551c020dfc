# SPDX-License-Identifier: MIT
# The recipe for Conan and the port for vcpkg have the version of version.hpp, and package all
# headers, the licence, and (vcpkg) a config file where it is looked for. The tools themselves are
# not needed: their functions are replaced by simple ones that copy and install.
#   cmake -D TARN_DIR=<tarn> -D SCRATCH_DIR=<folder> -D COMPILER=<c++> [-D PACKAGES=<folder>] -P run.cmake
cmake_minimum_required(VERSION 3.21)
if(NOT PACKAGES)
  set(PACKAGES ${TARN_DIR}/cmake/packages)
endif()
file(REMOVE_RECURSE ${SCRATCH_DIR})

file(STRINGS ${TARN_DIR}/include/tarn/version.hpp version
     REGEX "define TARN_VERSION_(MAJOR|MINOR|PATCH) ")
list(TRANSFORM version REPLACE ".* ([0-9]+)$" "\\1")
list(JOIN version "." version)
file(GLOB_RECURSE headers RELATIVE ${TARN_DIR}/include ${TARN_DIR}/include/*.hpp)

# The README names the version, too.
file(READ ${TARN_DIR}/README.md readme)
if(NOT readme MATCHES "tarn/([0-9]+[.][0-9.]+)" OR NOT CMAKE_MATCH_1 STREQUAL version)
  message(SEND_ERROR "README.md names a version other than ${version}")
endif()

function(compare_version what found)
  if(NOT found STREQUAL version)
    message(SEND_ERROR "${what} has version '${found}', version.hpp has '${version}'")
  endif()
endfunction()
function(compare_headers what folder)
  file(GLOB_RECURSE found RELATIVE ${folder} ${folder}/*)
  set(missing ${headers})
  list(REMOVE_ITEM missing "" ${found})
  list(REMOVE_ITEM found ${headers})
  if(missing OR found)
    message(SEND_ERROR "${what} lacks the headers '${missing}', and has '${found}' besides")
  endif()
endfunction()
function(need_file what file)
  if(NOT EXISTS ${file})
    message(SEND_ERROR "${what} has no ${file}")
  endif()
endfunction()

# vcpkg. The port runs in this script.
function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 with "" "SOURCE_PATH" "OPTIONS")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${with_SOURCE_PATH} -B ${SCRATCH_DIR}/build
                          -D CMAKE_CXX_COMPILER=${COMPILER} ${with_OPTIONS}
                          -D CMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(vcpkg_cmake_install)
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${SCRATCH_DIR}/build
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 with "" "PACKAGE_NAME;CONFIG_PATH" "")
  need_file("the port" ${CURRENT_PACKAGES_DIR}/${with_CONFIG_PATH}/${with_PACKAGE_NAME}-config.cmake)
endfunction()
function(vcpkg_fixup_pkgconfig)
  need_file("the port" ${CURRENT_PACKAGES_DIR}/share/pkgconfig/tarn.pc)
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 with "" "" "FILE_LIST")
  need_file("the port" "${with_FILE_LIST}")
endfunction()
file(READ ${PACKAGES}/vcpkg/tarn/vcpkg.json manifest)
string(JSON found GET "${manifest}" version)
compare_version("the vcpkg port" ${found})
set(CURRENT_PORT_DIR ${TARN_DIR}/cmake/packages/vcpkg/tarn)  # from where it finds the sources
set(CURRENT_PACKAGES_DIR ${SCRATCH_DIR}/vcpkg)
include(${PACKAGES}/vcpkg/tarn/portfile.cmake)
compare_headers("the vcpkg port" ${CURRENT_PACKAGES_DIR}/include)

# Conan.
find_program(python NAMES python3 NO_CACHE)
if(NOT python)
  message(STATUS "no python3: the Conan recipe was not run")
  return()
endif()
execute_process(COMMAND ${python} ${CMAKE_CURRENT_LIST_DIR}/run_recipe.py ${PACKAGES}/conan
                        ${SCRATCH_DIR}/conan
                OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
compare_version("the Conan recipe" "${found}")
compare_headers("the Conan recipe" ${SCRATCH_DIR}/conan/package/include)
need_file("the Conan recipe" ${SCRATCH_DIR}/conan/package/licenses/LICENSE)
