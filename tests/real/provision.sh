#!/bin/bash
# Make the folder with a real Asterisk that tests/real starts its servers from.
#
#   tests/real/provision.sh
#
# Debian sid with its own asterisk package, by debootstrap (500 MB, about 90 s).
# A folder that is complete is left alone, so this may be called before every
# run. Exit codes: 0 ready, 3 "provisioning failed" (the network or the machine,
# never amp).  Needs root, since both debootstrap and chroot do.
#
# Environment
#   AMP_ASTERISK_ROOT   the folder (default ~/.cache/amp/debian-sid)
#   AMP_DEBIAN_MIRROR   a mirror other than debootstrap's own default
#
# How it stays true: one lock per folder; everything is made beside the folder
# and moved into place when it is whole; the marker, which holds the installed
# version, is written last, and the tests believe nothing but the marker.
set -euo pipefail

ROOT=${AMP_ASTERISK_ROOT:-$HOME/.cache/amp/debian-sid}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PACKAGES=asterisk,asterisk-modules,asterisk-config,asterisk-core-sounds-en-gsm,adduser
OURS=$ROOT/srv/amp-tests
MARKER=$OURS/provisioned
PARTIAL=$ROOT.partial
DEBS=$ROOT.debs

say() { echo "provision: $*"; }
fail() { echo "provisioning failed: $*" >&2; exit 3; }

installed_version() {
  # shellcheck disable=SC2016  # ${Version} is dpkg's own
  chroot "$1" dpkg-query -W -f '${Version}' asterisk 2>/dev/null
}

# The version, and what this script would add today: a change of either makes the marker stale.
wanted_marker() {
  local version
  version=$(installed_version "$ROOT") || return 1
  echo "$version $(cat "$HERE/loopback_only.c" "$HERE/provision.sh" | sha256sum | cut -c1-16)"
}

is_ready() {
  [ -s "$MARKER" ] && [ "$(cat "$MARKER")" = "$(wanted_marker)" ]
}

retry_once() {
  "$@" && return 0
  say "'$1' failed, one more try"
  sleep 5
  "$@"
}

need_tools() {
  local missing=()
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  command -v openssl >/dev/null || missing+=(openssl)
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  [ ${#missing[@]} = 0 ] && return 0
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  retry_once apt-get -qq update || fail "apt-get update"
  retry_once apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get install ${missing[*]}"
}

# An interrupted debootstrap can leave /proc and /sys mounted inside: never delete through those.
drop_partial() {
  local at
  for at in $(awk -v p="$PARTIAL/" 'index($2, p) == 1 {print $2}' /proc/mounts | sort -r); do
    umount "$at" || fail "cannot unmount $at"
  done
  rm -rf --one-file-system "$PARTIAL"
}

bootstrap() {
  drop_partial
  mkdir -p "$DEBS"
  debootstrap --variant=minbase --cache-dir="$DEBS" --include="$PACKAGES" sid "$PARTIAL" \
    ${AMP_DEBIAN_MIRROR:+"$AMP_DEBIAN_MIRROR"} >"$ROOT.log" 2>&1
}

make_debian() {
  [ ! -e "$ROOT" ] || fail "$ROOT exists and holds no Asterisk: move it away, or set AMP_ASTERISK_ROOT"
  say "making Debian sid with Asterisk in $ROOT"
  if ! retry_once bootstrap; then
    tail -n 20 "$ROOT.log" >&2
    fail "debootstrap (whole log: $ROOT.log)"
  fi
  chroot "$PARTIAL" apt-get clean
  mv -T "$PARTIAL" "$ROOT"
  rm -rf "$DEBS"
}

add_devices() {
  [ -c "$ROOT/dev/null" ] || mknod -m 666 "$ROOT/dev/null" c 1 3
  [ -c "$ROOT/dev/random" ] || mknod -m 666 "$ROOT/dev/random" c 1 8
  [ -c "$ROOT/dev/urandom" ] || mknod -m 666 "$ROOT/dev/urandom" c 1 9
}

add_certificate() {
  [ ! -s "$OURS/cert.pem" ] || return 0
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -sha256 \
    -subj "/CN=localhost/O=amp tests" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
    -keyout "$OURS/key.pem" -out "$OURS/cert.pem" 2>/dev/null || fail "openssl made no certificate"
}

add_guard() {
  cc -O2 -shared -fPIC -o "$OURS/loopback_only.so" "$HERE/loopback_only.c" ||
    fail "the loopback guard did not compile"
}

main() {
  [ "$(id -u)" = 0 ] || fail "needs root (debootstrap and chroot)"
  mkdir -p "$(dirname "$ROOT")"
  exec 9>"$ROOT.lock"
  flock 9
  if is_ready; then
    say "ready: $(cat "$MARKER")"
    return 0
  fi
  need_tools
  rm -f "$MARKER"
  [ -x "$ROOT/usr/sbin/asterisk" ] || make_debian
  mkdir -p "$OURS"
  add_devices
  add_certificate
  add_guard
  chroot "$ROOT" /usr/sbin/asterisk -V >/dev/null || fail "Asterisk does not run inside $ROOT"
  wanted_marker >"$MARKER.new" || fail "no asterisk package inside $ROOT"
  mv "$MARKER.new" "$MARKER"
  say "ready: $(cat "$MARKER")"
}

main "$@"
