#!/usr/bin/env bash
# base.sh FILE PYTHON: make a root file system of which the images can be built without a network or
# a registry of images: Debian with Python, the wheels of the locks, and the packages of the
# Dockerfile.  Needs root and debootstrap; downloads what it packs.
set -euo pipefail
file=$1 python=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf --one-file-system "$scratch"' EXIT
root=$scratch/root
packages=$(sed -n 's/^ARG PROGRAMS="\(.*\)"$/\1/p' "$here/Dockerfile")

debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" >"$scratch/log" 2>&1 ||
  { tail -n 20 "$scratch/log" >&2; exit 1; }
umount --quiet "$root/proc" "$root/sys" || true # before Debian 13 it leaves them mounted
# As in images of Debian: the caches of apt's lists are not kept.
echo 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";' >"$root/etc/apt/apt.conf.d/no-caches"
cp /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" apt-get clean
chroot "$root" apt-get update -qq
# shellcheck disable=SC2086  a list of words
chroot "$root" apt-get install -qq --yes --no-install-recommends --download-only binutils $packages >/dev/null
rm "$root/etc/resolv.conf"

"$python" -m pip --disable-pip-version-check download -qq --no-deps --require-hashes \
  --only-binary=:all: --python-version 3.11 --dest "$root/opt/wheels" \
  -r "$here/requirements.lock" -r "$here/requirements-build.lock"
printf '[global]\nno-index = true\nfind-links = /opt/wheels\n' >"$root/etc/pip.conf"

mkdir -p "$(dirname "$file")"
tar --create --file "$file.part" --directory "$root" \
  --exclude './proc/*' --exclude './sys/*' --exclude './dev/*' .
mv "$file.part" "$file"
