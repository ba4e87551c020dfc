# SPDX-License-Identifier: MIT
# Installs the headers, the CMake package and the pkg-config file. They do not depend on the
# machine.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(tarn_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/tarn)

if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.23)
  install(TARGETS tarn EXPORT tarn-targets FILE_SET HEADERS)
else()
  install(TARGETS tarn EXPORT tarn-targets)
  install(DIRECTORY include/tarn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.hpp")
endif()
install(EXPORT tarn-targets NAMESPACE tarn:: DESTINATION ${tarn_package_dir})

configure_package_config_file(cmake/tarn-config.cmake.in tarn-config.cmake
  INSTALL_DESTINATION ${tarn_package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break its users, so only the same minor version is compatible.
write_basic_package_version_file(tarn-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
configure_file(cmake/tarn.pc.in tarn.pc @ONLY)

install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tarn-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/tarn-config-version.cmake
        DESTINATION ${tarn_package_dir})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tarn.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
