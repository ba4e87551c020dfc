# SPDX-License-Identifier: MIT
"""Runs the steps of a Conan recipe: run_recipe.py <folder of the recipe> <scratch folder>

Prints the version. The package is in <scratch folder>/package.
"""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
recipe_folder, scratch = (os.path.abspath(a) for a in sys.argv[1:])
sys.path[:0] = [os.path.join(here, "stubs"), recipe_folder]
sys.dont_write_bytecode = True
from conanfile import Tarn  # noqa: E402  the path is needed first


class Info:
    def clear(self):
        self.is_clear = True


class CppInfo:
    def __init__(self):
        self.properties = {}

    def set_property(self, name, value):
        self.properties[name] = value


class Settings:
    os = "Linux"

    def get_safe(self, name):
        return {"compiler.cppstd": "20"}.get(name)


recipe = Tarn()
recipe.recipe_folder = recipe_folder
recipe.export_sources_folder = recipe.source_folder = os.path.join(scratch, "sources")
recipe.package_folder = os.path.join(scratch, "package")
recipe.settings, recipe.info, recipe.cpp_info = Settings(), Info(), CppInfo()
recipe.set_version()
recipe.export_sources()
recipe.validate()
recipe.package()
recipe.package_id()
recipe.package_info()
assert recipe.least_cppstd == 20
assert recipe.info.is_clear, "the package would differ from compiler to compiler"
assert recipe.cpp_info.properties["cmake_target_name"] == "tarn::tarn"
assert recipe.cpp_info.system_libs == ["pthread"]
print(recipe.version)
