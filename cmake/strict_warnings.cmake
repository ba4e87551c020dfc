# SPDX-License-Identifier: MIT
# strict_warnings(<variable> <c++>): the warnings that users of this compiler may have switched on.
# The headers are clean under all of them, since a warning in a header appears in every program.
function(strict_warnings result compiler)
  set(flags -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
            -Wzero-as-null-pointer-constant -Wextra-semi -Wcast-qual -Wundef -Wnon-virtual-dtor
            -Woverloaded-virtual -Wdouble-promotion -Wimplicit-fallthrough -Wnull-dereference
            -Wredundant-tags -Wfloat-conversion -Wunused-macros -Wmissing-declarations)
  if(compiler MATCHES "clang")
    list(REMOVE_ITEM flags -Wredundant-tags)
    list(APPEND flags -Wmismatched-tags -Wunreachable-code -Wrange-loop-bind-reference
                      -Wshadow-all -Wdocumentation -Wheader-hygiene -Wnewline-eof)
  else()
    list(APPEND flags -Wuseless-cast -Wlogical-op -Wduplicated-cond -Wsuggest-override
                      -Wcast-align=strict -Wdeprecated-copy-dtor -Wsign-promo)
  endif()
  set(${result} ${flags} -Werror PARENT_SCOPE)
endfunction()
