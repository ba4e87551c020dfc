# SPDX-License-Identifier: MIT
# What the recipe uses of Conan, as far as copying files goes.


class ConanFile:
    pass
