#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: sudo [SUITE=trixie] sh cmake/prove_fresh.sh [verb]
# Proves that cmake/run.sh works on a bare system: makes a bare Debian in a temporary folder
# (debootstrap, minbase), copies this tree into it, runs `sh cmake/run.sh <verb>` (default: test)
# there, and removes it. Takes the mirror from the host's own apt sources.
set -eu

say() { printf '== %s\n' "$*"; }
die() { printf 'prove_fresh.sh: %s\n' "$1" >&2; exit 1; }

verb=${1:-test}
suite=${SUITE:-bookworm}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
[ "$(id -u)" -eq 0 ] || die "debootstrap and chroot need root"
command -v debootstrap >/dev/null || die "debootstrap is not installed (apt-get install debootstrap)"

# The first source of exactly this suite with the component main, in either format of apt's sources:
# "deb [options] URI suite component...", or stanzas with URIs:, Suites: and Components:.
mirror_of() {  # suite
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && awk -v suite="$1" '
      $1 == "deb" {
        sub(/\[[^]]*\]/, "")
        if ($3 == suite && $0 ~ / main( |$)/) { print $2; exit }
      }' "$file"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && awk -v suite="$1" '
      function flush() { if (suites ~ " " suite " " && components ~ " main ") { print uri; exit } }
      /^[ \t]*#/ { next }
      /^[ \t]*$/ { flush(); uri = suites = components = ""; next }
      $1 == "URIs:" { uri = $2 }
      $1 == "Suites:" { $1 = ""; suites = $0 " " }
      $1 == "Components:" { $1 = ""; components = $0 " " }
      END { if (uri != "") flush() }' "$file"
  done
}
mirror=$(mirror_of "$suite" 2>/dev/null | head -n 1)
# A mirror of Debian has all its suites.
[ -n "$mirror" ] || mirror=$(mirror_of "$(. /etc/os-release && echo "$VERSION_CODENAME")" 2>/dev/null | head -n 1)
[ -n "$mirror" ] || die "found no source of $suite in /etc/apt"

# The bare system uses the proxy of the host's apt, too.
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
if [ -n "$proxy" ]; then
  http_proxy=$proxy
  export http_proxy
fi

fresh=$(mktemp -d)
trap 'rm -rf --one-file-system "$fresh"' EXIT
trap 'exit 1' HUP INT TERM

say "a bare $suite from $mirror"
debootstrap --variant=minbase "$suite" "$fresh/root" "$mirror" >"$fresh/log" 2>&1 ||
  { tail -n 20 "$fresh/log" >&2; die "debootstrap failed"; }
cp /etc/resolv.conf "$fresh/root/etc/resolv.conf"
mkdir "$fresh/root/src"
(cd "$root" && tar -c -f - --exclude=./build --exclude=./.git .) | tar -x -f - -C "$fresh/root/src"

say "sh cmake/run.sh $verb, in it"
# Passes only the proxy of the host's environment, and runs in another folder than the tree's.
chroot "$fresh/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
  ${http_proxy:+http_proxy="$http_proxy"} sh /src/cmake/run.sh "$verb" </dev/null
say "fresh $suite: run.sh $verb passed"
