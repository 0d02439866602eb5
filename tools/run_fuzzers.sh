#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzzer of the sanitize build for some seconds, as many at a time as there are cores:
#   tools/run_fuzzers.sh 30 [fuzz_npy ...]
# Starts from the kept corpus, tests/fuzz/corpus/<fuzzer>/; what it finds goes to build/sanitize/corpus/, crashing inputs to
# build/sanitize/crashes/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds="${1:?seconds for each fuzzer}"
shift
if [ $# -eq 0 ]; then
  mapfile -t fuzzers < <(find tests/fuzz -maxdepth 1 -name 'fuzz_*.cc' -printf '%f\n' | sed 's/\.cc$//' | sort)
  set -- "${fuzzers[@]}"
fi

run_one() {
  local fuzzer="$1" seconds="$2"
  local found="build/sanitize/corpus/$fuzzer" crashes="build/sanitize/crashes" kept="tests/fuzz/corpus/$fuzzer"
  mkdir -p "$found" "$crashes"
  local corpora=("$found")
  [ ! -d "$kept" ] || corpora+=("$kept")
  if "build/sanitize/bin/$fuzzer" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2560 -print_final_stats=1 \
    -artifact_prefix="$crashes/$fuzzer-" "${corpora[@]}" > "$crashes/$fuzzer.log" 2>&1; then
    echo "$fuzzer: $(sed -n 's/^stat::number_of_executed_units: *//p' "$crashes/$fuzzer.log") inputs, no fault"
  else
    tail -n 60 "$crashes/$fuzzer.log"
    echo "$fuzzer: FAULT, see $crashes/"
    return 1
  fi
}
export -f run_one
printf '%s\0' "$@" | xargs -0 -I{} -P "$(nproc)" bash -c 'run_one {} "$0"' "$seconds"
