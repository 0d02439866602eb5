#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Speaks the ten digits of the demonstration: tools/make_demo_words.sh models/demo_words
# Synthetic speech, 8 kHz, silence cut off at both ends. Needs the packages espeak-ng and sox.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
folder="$1"
mkdir -p "$folder"
spoken="$(mktemp --suffix .wav)"
trap 'rm -f "$spoken"' EXIT

echo file,class_index > "$folder/labels.csv"
digit=0
for word in zero one two three four five six seven eight nine; do
  espeak-ng -v en-us -s 130 -w "$spoken" "$word"
  sox -D "$spoken" -r 8000 -b 16 -c 1 "$folder/$digit.wav" silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse
  echo "$digit.wav,$digit" >> "$folder/labels.csv"
  digit=$((digit + 1))
done
