#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does a stranger's machine do? Makes a fresh Debian 12 root, puts a clean clone of HEAD into it, and runs ./demo and ./test
# there twice, the second time without a network. Needs root, debootstrap and the package mirror that this machine uses.
#   tools/check_fresh_root.sh [folder for the root, removed before and kept afterwards]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root="$(realpath -m "${1:-build/fresh-root}")"
[ "$(id -u)" -eq 0 ] || { echo "$0: debootstrap and chroot need root" >&2; exit 1; }
command -v debootstrap > /dev/null || { echo "$0: install debootstrap first" >&2; exit 1; }
[ -z "$(git status --porcelain)" ] || echo "note: uncommitted changes are not in the clone" >&2

# The mirror and the proxy of this machine, whatever they are.
mirror="$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Origin: Debian' | awk '$2 == "bookworm" { print $1; exit }')"
[ -n "$mirror" ] || { echo "$0: apt knows no mirror of Debian 12 (bookworm)" >&2; exit 1; }

! mountpoint --quiet "$root/proc" || umount "$root/proc"
rm -rf "$root"
mkdir -p "$root"
trap 'umount "$root/proc" 2> /dev/null || true' EXIT
debootstrap --variant=minbase bookworm "$root" "$mirror"
mount -t proc proc "$root/proc" 2> /dev/null || mount --bind /proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
apt-config dump | grep -E '^Acquire::https?::' > "$root/etc/apt/apt.conf.d/99proxy" || true
git clone --quiet --no-hardlinks . "$root/deltahop"
git -C "$root/deltahop" remote remove origin

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"; }
report=""
step() {
  local name="$1" start="$SECONDS"
  shift
  echo "== $name"
  if "$@"; then report+="$name: passed, $((SECONDS - start)) s"$'\n'; else report+="$name: FAILED, $((SECONDS - start)) s"$'\n'; fi
}
step "demo, fresh" inside bash -c 'cd /deltahop && ./demo'
step "test, fresh" inside bash -c 'cd /deltahop && ./test'
export -f inside
export root
step "demo, offline" unshare --net bash -c "inside bash -c 'cd /deltahop && ./demo'"
step "test, offline" unshare --net bash -c "inside bash -c 'cd /deltahop && ./test'"
printf '\n%s' "$report"
! grep -q FAILED <<< "$report"
