#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs a build to a folder that is thrown away, then builds and runs tests/install/consumer.cc against it:
# tests/install/run.sh BUILD_FOLDER C++_COMPILER
set -euo pipefail
build="$(realpath "$1")"
compiler="$2"
here="$(realpath "$(dirname "${BASH_SOURCE[0]}")")"
prefix="$(mktemp -d)"
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix/usr" > "$prefix/install.log"
cmake -S "$here" -B "$prefix/consumer" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$prefix/usr" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF
cmake --build "$prefix/consumer"
"$prefix/consumer/consumer"
# The C interface as C programs use it: its header, its library, nothing else.
if [ -e "$build/libdeltahop.so" ]; then
  library="$(dirname "$(find "$prefix/usr" -name libdeltahop.so)")"
  cc -std=c99 -Wall -Werror -I "$prefix/usr/include" "$here/consumer.c" -L "$library" -ldeltahop -o "$prefix/consumer_c"
  LD_LIBRARY_PATH="$library" "$prefix/consumer_c"
fi
if [ -e "$build/bin/deltahop" ]; then
  "$prefix/usr/bin/deltahop" --version
fi
