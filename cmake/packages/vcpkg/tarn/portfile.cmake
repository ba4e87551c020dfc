# SPDX-License-Identifier: MIT
# An overlay port of this checkout: vcpkg install tarn --overlay-ports=<tarn>/cmake/packages/vcpkg
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../../.." ABSOLUTE)
set(VCPKG_BUILD_TYPE release)  # headers only: nothing to debug

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DTARN_BUILD_TESTS=OFF
    -DTARN_BUILD_BENCHMARKS=OFF
    -DTARN_BUILD_EXAMPLES=OFF
    -DTARN_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME tarn CONFIG_PATH share/cmake/tarn)
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
