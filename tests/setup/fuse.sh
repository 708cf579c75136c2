#!/usr/bin/env bash
# Fails with a clear message if FUSE mounts cannot work. The tests are about mounts, so they never skip.
set -euo pipefail

refuse() {
  echo "set-up: FUSE is not usable here: $1" >&2
  echo "set-up: $2" >&2
  exit 1
}

if ! [ -e /dev/fuse ] && [ "$(id -u)" -eq 0 ]; then
  modprobe fuse 2>/dev/null || true
fi
[ -e /dev/fuse ] || refuse "/dev/fuse does not exist" \
  "load the kernel module (modprobe fuse); in a container, start it with --device /dev/fuse --cap-add SYS_ADMIN."
[ -c /dev/fuse ] || refuse "/dev/fuse is not a device" "remove it and load the kernel module (modprobe fuse)."
(exec 3<>/dev/fuse) 2>/dev/null || refuse "/dev/fuse cannot be opened for reading and writing by $(id -un)" \
  "run this as root, or give the user access (chmod 666 /dev/fuse is what distributions ship)."
command -v fusermount3 >/dev/null || refuse "fusermount3 is not on PATH" "install the package fuse3."
