# SPDX-License-Identifier: MIT
def check_min_cppstd(recipe, least):
    recipe.least_cppstd = least
