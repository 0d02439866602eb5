#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy with the allowlist of .clang-tidy over the product's sources (tests are left to the compilers' warnings;
# train/ too, because clang 14 cannot parse LibTorch 1.13 as C++20).
# Reads the compile commands of the release build. Arguments: the files to check, all where there are none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $# -eq 0 ]; then
  mapfile -t files < <(git ls-files 'deltahop/*.cc' | grep -v -e '_test\.cc$' -e '_bench\.cc$' -e '^deltahop/train/')
  set -- "${files[@]}"
fi
printf '%s\0' "$@" | xargs -0 -n 4 -P "$(nproc)" clang-tidy -p build/release --quiet \
  --extra-arg=-Wno-unknown-warning-option 2> >(
  grep -v -e 'warnings generated' -e 'Suppressed ' -e 'Use -header-filter' >&2)
