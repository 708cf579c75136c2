#!/usr/bin/env bash
# usage: tests/setup/packages.sh GROUP...
#
# Makes sure that this machine has what the named groups need. On Debian and Ubuntu it installs what is missing with apt
# (through sudo if not root). Elsewhere it lists what is missing, and fails.
set -euo pipefail

# Each line: the group; a command, absolute path or glob that shows whether it is there; its Debian package.
needs() {
  cat <<'LIST'
build  cc                             gcc
check  pip3                           python3-pip
check  zip                            zip
check  unzip                          unzip
check  git                            git
check  sqlite3                        sqlite3
check  tar                            tar
check  find                           findutils
check  gzip                           gzip
check  zstd                           zstd
check  xz                             xz-utils
check  bzip2                          bzip2
check  /usr/lib/postgresql/*/bin/initdb  postgresql
run    fusermount3                    fuse3
demo   zip                            zip
demo   sqlite3                        sqlite3
test   rsync                          rsync
test   mysql|mariadb                  default-mysql-client
test   diff                           diffutils
test   du                             coreutils
test   strace                         strace
test   flock                          util-linux
test   getfattr                       attr
test   c++                            g++
test   openssl                        openssl
test   perl                           perl
test   /usr/lib/python3/dist-packages/prometheus_client  python3-prometheus-client
dolt   g++                            g++
dolt   pkg-config                     pkg-config
dolt   /usr/include/unicode/uregex.h  libicu-dev
dolt   /usr/include/zstd.h            libzstd-dev
bench  mysql|mariadb                  default-mysql-client
bench  unzip                          unzip
bench  zip                            zip
bench  python3                        python3
restic restic                         restic
fuse-zip fuse-zip                     fuse-zip
venv   /usr/lib/python3*/ensurepip    python3-venv
LIST
}

is_there() {
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *'|'*) command -v "${1%|*}" >/dev/null || command -v "${1#*|}" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

missing=()
while read -r group sign package; do
  for wanted in "$@"; do
    if [ "$group" = "$wanted" ] && ! is_there "$sign"; then
      missing+=("$package")
    fi
  done
done < <(needs)

# Compilers come from their own installers, because apt's are often too old for this project.
for tool in cargo${ASOF_NEEDS_GO:+ go}; do
  if ! command -v "$tool" >/dev/null; then
    case $tool in
      cargo) from=https://rustup.rs ;;
      go) from=https://go.dev/dl ;;
    esac
    echo "set-up: $tool is not on PATH. Install it from $from and run this again." >&2
    exit 1
  fi
done

[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "set-up: these packages are missing (by their names in Debian): ${missing[*]}" >&2
  echo "set-up: this machine has no apt-get; install them with its package manager and run this again." >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "set-up: these packages are missing: ${missing[*]}" >&2
    echo "set-up: run 'apt-get install ${missing[*]}' as root, or install sudo, and run this again." >&2
    exit 1
  fi
  as_root=(sudo)
fi
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}
echo "set-up: installing ${missing[*]}"
apt update || echo "set-up: apt-get update failed; trying to install anyway" >&2
apt install --no-install-recommends -y "${missing[@]}" >/dev/null
