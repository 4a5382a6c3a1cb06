#!/bin/sh
# Gets what the tests use from the machine and does not come with the clone: Debian packages, as root.
# Without root it prints the line to type; the tests that miss something then say so by name.
set -eu

packages=''
need() { # PACKAGE COMMAND...: the package is missing when the command fails
  package=$1
  shift
  "$@" >/dev/null 2>&1 || packages="$packages $package"
}

need python3 test -x /usr/bin/python3
need python3-zmq /usr/bin/python3 -c 'import zmq'
need python3-venv /usr/bin/python3 -c 'import ensurepip, venv'
need iproute2 ip -V
need iptables iptables --version
need procps ps --version
need util-linux unshare --version

if [ -z "$packages" ]; then
  echo 'The machine has all that the tests need.'
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Missing for some tests:$packages. On Debian: sudo apt-get install$packages"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of names
apt-get install -y -qq --no-install-recommends $packages
