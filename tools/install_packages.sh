#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the packages of tools/packages.txt that are missing: tools/install_packages.sh build [train] [full].
# Calls apt only where something is missing, so that a second run needs no network.
set -euo pipefail
list="$(dirname "${BASH_SOURCE[0]}")/packages.txt"
[ $# -gt 0 ] || { echo "usage: $0 build [train] [full]" >&2; exit 2; }

wanted=()
for group in "$@"; do
  count=${#wanted[@]}
  while read -r package; do wanted+=("$package"); done < <(
    sed 's/#.*//' "$list" | awk -v group="$group" '$2 == group { print $1 }')
  [ ${#wanted[@]} -gt "$count" ] || { echo "$0: the groups are build, train and full, not '$group'" >&2; exit 2; }
done

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian system. deltahop is built and tested on Debian 12; going on with what is here." >&2
  echo "It needs what these packages hold: ${wanted[*]}" >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  status="$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | head -n 1 || true)"
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

install=(apt-get install --yes --no-install-recommends "${missing[@]}")
by_hand="  apt-get update && ${install[*]}"
as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Some packages are missing, and installing them takes root. Run this as root, then try again:" >&2
    echo "$by_hand" >&2
    exit 1
  fi
  as_root=(sudo "${as_root[@]}")
fi
echo "Installing: ${missing[*]}"
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" "${install[@]}"; }; then
  echo "apt could not install what is missing. Is there a network, and is this Debian 12? By hand, as root:" >&2
  echo "$by_hand" >&2
  exit 1
fi
