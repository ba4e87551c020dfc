# SPDX-License-Identifier: MIT
# A Conan 2 package of the headers: conan create cmake/packages/conan
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load


class Tarn(ConanFile):
    name = "tarn"
    license = "MIT"
    description = "Memory pools for C++20, header-only"
    topics = ("memory", "pool", "allocator", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    def _repository(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        text = load(self, os.path.join(self._repository(), "include", "tarn", "version.hpp"))
        numbers = re.findall(r"#define TARN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text)
        self.version = ".".join(numbers)

    def export_sources(self):
        copy(self, "*.hpp", os.path.join(self._repository(), "include"),
             os.path.join(self.export_sources_folder, "include"))
        copy(self, "LICENSE", self._repository(), self.export_sources_folder)

    def validate(self):
        if self.settings.get_safe("compiler.cppstd"):
            check_min_cppstd(self, 20)

    def package(self):
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"),
             os.path.join(self.package_folder, "include"))
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "tarn")
        self.cpp_info.set_property("cmake_target_name", "tarn::tarn")
        self.cpp_info.set_property("pkg_config_name", "tarn")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
