# SPDX-License-Identifier: MIT
# Checks that the line that adds tarn to a consumer changes none of the consumer's settings.
get_cmake_property(cache_before CACHE_VARIABLES)
set(watched CMAKE_CXX_FLAGS CMAKE_CXX_STANDARD CMAKE_CXX_STANDARD_REQUIRED CMAKE_CXX_EXTENSIONS
            CMAKE_BUILD_TYPE CMAKE_MODULE_PATH CMAKE_RUNTIME_OUTPUT_DIRECTORY
            CMAKE_EXE_LINKER_FLAGS BUILD_SHARED_LIBS)
foreach(variable IN LISTS watched)
  set(before_${variable} "${${variable}}")
endforeach()

function(require_empty what)
  if(ARGN)
    message(SEND_ERROR "tarn leaks ${what}: ${ARGN}")
  endif()
endfunction()

# tarn_dir: where tarn's CMakeLists.txt is.
macro(assert_no_leaks tarn_dir)
  foreach(variable IN LISTS watched)
    if(NOT "${${variable}}" STREQUAL "${before_${variable}}")
      message(SEND_ERROR "tarn changes ${variable}")
    endif()
  endforeach()

  # The entries that a user sees in a cache editor: only our own options may be new.
  get_cmake_property(cache_new CACHE_VARIABLES)
  list(REMOVE_ITEM cache_new ${cache_before})
  list(FILTER cache_new EXCLUDE REGEX "^(TARN_|FETCHCONTENT_)")
  foreach(variable IN LISTS cache_new)
    get_property(type CACHE ${variable} PROPERTY TYPE)
    if(NOT type MATCHES "^(INTERNAL|STATIC)$")
      require_empty("a cache entry" ${variable})
    endif()
  endforeach()

  get_property(found DIRECTORY ${tarn_dir} PROPERTY BUILDSYSTEM_TARGETS)
  list(REMOVE_ITEM found tarn)
  require_empty("targets" ${found})
  get_property(found DIRECTORY ${tarn_dir} PROPERTY SUBDIRECTORIES)
  require_empty("folders" ${found})
  get_property(found DIRECTORY ${tarn_dir} PROPERTY TESTS)
  require_empty("tests" ${found})

  foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES LINK_OPTIONS TESTS)
    get_property(found DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} PROPERTY ${property})
    require_empty("${property} of the consumer's folder" ${found})
  endforeach()
  foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS LINK_OPTIONS SOURCES)
    get_property(found TARGET tarn::tarn PROPERTY INTERFACE_${property})
    require_empty("INTERFACE_${property}" ${found})
  endforeach()
endmacro()
