#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails where a C++ file is not as clang-format would write it; `tools/check_format.sh --fix` writes it so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=(--dry-run --Werror)
[ "${1:-}" != --fix ] || mode=(-i)
git ls-files --cached --others --exclude-standard -z '*.cc' '*.h' | xargs -0 --no-run-if-empty clang-format "${mode[@]}"
