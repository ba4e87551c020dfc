# SPDX-License-Identifier: MIT
# Makes a C++ file of the page: cmake -D PAGE=page.html -D OUTPUT=page.cpp -P embed.cmake
# The file holds bytes: a string literal would be too long for some compilers, and would end where
# the page happens to contain its delimiter.
cmake_minimum_required(VERSION 3.21)

file(READ ${PAGE} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
string(REGEX REPLACE "(('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',))"
       "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "// Made of page.html by the build.
#include \"page.hpp\"

namespace observatory {
namespace {
constexpr char bytes[] = {
${bytes}};
}  // namespace
const std::string_view page(bytes, sizeof bytes);
}  // namespace observatory
")
