#!/bin/sh
# SPDX-License-Identifier: MIT
# From a bare machine to a running demo, to tests or to benchmarks; see usage below.
set -eu

usage() {
  cat <<'END'
usage: sh cmake/run.sh [demo|test|bench [--quick]|broker|trust]

  demo    (default) build the examples and run the main job, on /usr/include
  test    build and run all tests
  bench   build and run all benchmarks; results in build/bench/results: JSON, and a chart if gnuplot
          is installed. --quick measures each row once, and briefly: some four minutes, with the build
  broker  build the broker (examples/broker) and compare it with redis-server by redis-benchmark
  trust   the tests with nothing spared: each over all pairs of policies, plain, under ASan and UBSan,
          and those about threads under TSan at -O0 and -O1; takes hours

Installs what is missing with apt or brew (through sudo where that is needed); with nothing missing
it needs neither root nor network. Builds in build/<verb>. CC, CXX, CMAKE_GENERATOR and other
variables that CMake knows are honoured.
END
}

say() { printf '== %s\n' "$*"; }
die() { printf 'run.sh: %s\n' "$1" >&2; exit "${2:-1}"; }
have() { command -v "$1" >/dev/null 2>&1; }

verb=${1:-demo}
case $verb in
  -h | --help | help) usage; exit 0 ;;
  demo | test | bench | broker | trust) ;;
  *) printf 'run.sh: unknown verb: %s\n\n' "$verb" >&2; usage >&2; exit 2 ;;
esac
quick=
if [ "$verb" = bench ] && [ "${2:-}" = --quick ]; then
  quick=--quick
  shift
fi
[ $# -le 1 ] || { usage >&2; exit 2; }

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build/$verb
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    die "to install packages, run this as root or install sudo: $*"
  fi
}

# --- what is missing: tools by their command, libraries by their package ---------------------------

missing=
missing_tools=
need_tool() {  # command, apt package, brew package
  if ! have "$1"; then
    missing_tools="$missing_tools $1"
    if have apt-get; then missing="$missing $2"; else missing="$missing $3"; fi
  fi
}
need_library() {  # apt package, brew package
  if have dpkg-query && have apt-get; then
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' || missing="$missing $1"
  elif have brew; then
    brew list "$2" >/dev/null 2>&1 || missing="$missing $2"
  fi
  # On other systems CMake looks for the library, and fetches Catch2 if necessary.
}

if [ -n "${CXX:-}" ]; then
  have "${CXX%% *}" || die "CXX is '$CXX', which is not a command here"
elif ! have c++ && ! have g++ && ! have clang++; then
  need_tool g++ g++ gcc
fi
need_tool cmake cmake cmake
case ${CMAKE_GENERATOR:-} in
  Ninja*) need_tool ninja ninja-build ninja ;;
  *) need_tool make make make ;;
esac
case $verb in
  test | trust) need_library catch2 catch2 ;;
  bench) need_library libbenchmark-dev google-benchmark ;;
  broker)
    need_library libasio-dev asio
    need_tool redis-server redis-server redis
    need_tool redis-benchmark redis-tools redis
    ;;
esac

if [ -n "$missing" ]; then
  have apt-get || have brew ||
    die "missing:$missing_tools. There is neither apt-get nor brew here; please install them."
  say "installing:$missing"
  # Unquoted on purpose: a list of package names.
  # shellcheck disable=SC2086
  if have apt-get; then
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends $missing </dev/null
  else
    brew install $missing
  fi
fi

# --- build and run ---------------------------------------------------------------------------------

only() {  # the options that build one part only
  for part in TESTS BENCHMARKS EXAMPLES; do
    if [ "$part" = "$1" ]; then printf ' -D TARN_BUILD_%s=ON' "$part"
    else printf ' -D TARN_BUILD_%s=OFF' "$part"; fi
  done
}
build_only() {  # what, option for CMake or nothing, target
  say "building in $build"
  # shellcheck disable=SC2046
  cmake -S "$root" -B "$build" -D CMAKE_BUILD_TYPE=Release $(only "$1") ${2:+"$2"}
  cmake --build "$build" --parallel "$jobs" --target "${3:-all}"
}

distrusted=
trust() {  # name, target, labels for ctest, options for CMake
  say "trust: $1, in $build/$1"
  name=$1 target=$2 labels=$3
  shift 3
  # shellcheck disable=SC2046
  if ! { cmake -S "$root" -B "$build/$name" "$@" $(only TESTS) -D TARN_TEST_EVERY_POLICY=ON &&
    cmake --build "$build/$name" --parallel "$jobs" --target "$target" &&
    (cd "$build/$name" &&
      ctest --output-on-failure --no-tests=error --parallel "$jobs" -L "$labels"); }; then
    distrusted="$distrusted $name"
  fi
}

case $verb in
  demo)
    build_only EXAMPLES
    say "running the pipeline on /usr/include; see build/demo/bin/pipeline --help"
    "$build/bin/pipeline"
    ;;
  test)
    build_only TESTS
    say "running the tests"
    cd "$build"
    ctest --output-on-failure --no-tests=error --parallel "$jobs"
    ;;
  trust)
    export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1}"
    export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
    export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}"
    variants=$root/cmake/variants
    trust plain all . -D CMAKE_BUILD_TYPE=Release
    trust asan all 'unit|misuse|static|stress|lifetime|seeds|interop|observe' -C "$variants/asan.cmake"
    trust tsan-o0 build_thread_tests 'stress|lifetime' -C "$variants/tsan.cmake" \
      -D CMAKE_CXX_FLAGS_DEBUG='-O0 -g1'
    trust tsan-o1 build_thread_tests 'stress|lifetime' -C "$variants/tsan.cmake"
    [ -z "$distrusted" ] || die "failed:$distrusted"
    say "all of it passed"
    ;;
  broker)
    build_only EXAMPLES '' broker
    say "running redis-benchmark"
    sh "$root/examples/broker/benchmark.sh" "$build/bin/broker"
    ;;
  bench)
    # All pairs of policies take many minutes to compile.
    if [ -n "$quick" ]; then pairs=OFF; else pairs=ON; fi
    build_only BENCHMARKS -DTARN_BENCH_EVERY_PAIR=$pairs
    results=$build/results
    mkdir -p "$results"
    rm -f "$results/failed.txt"
    {
      uname -srm
      sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | sort | uniq -c
      sed -n 's/^CMAKE_CXX_COMPILER:[^=]*=//p' "$build/CMakeCache.txt"
      printf 'commit: '
      git -C "$root" describe --always --dirty 2>/dev/null || echo unknown
      printf 'options: -O2 -DNDEBUG %s\n' "${CXXFLAGS:-}"
    } >"$results/machine.txt"
    cat "$results/machine.txt"
    set -- "$build"/bin/bench_*
    count=$#
    number=0
    cd "$results"
    for program in "$@"; do
      [ -x "$program" ] || die "no benchmarks were built"
      name=$(basename "$program")
      number=$((number + 1))
      say "$name, $number of $count"
      case $name in
        bench_loads) outputs="--json $name.json --chart $name.svg" ;;
        bench_growth | bench_retention) outputs= ;;  # their tables are all they give
        *) outputs="--json $name.json" ;;
      esac
      # Unquoted on purpose: lists of words. The status of a pipe would be that of tee.
      # shellcheck disable=SC2086
      { "$program" $quick $outputs || echo "$name" >>failed.txt; } |
        tee "$name.txt"
    done
    [ ! -e failed.txt ] || die "failed: $(tr '\n' ' ' <failed.txt)"
    say "the results are in $results"
    ;;
esac
