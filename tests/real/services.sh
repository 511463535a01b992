#!/bin/bash
# Installs the servers that tests/real start for themselves, where they are missing: sshd and MariaDB.
# None of them is started as the system's own. Needs root only if something is missing.
set -euo pipefail

POLICY=/usr/sbin/policy-rc.d

say() { echo "services: $*"; }

retry_once() {
  "$@" && return 0
  say "'$1' failed, one more try"
  sleep 5
  "$@"
}

# command -v does not look where administrators' programs are
has() { [ -n "$(PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$1")" ]; }

missing=()
has sshd || missing+=(openssh-server)
{ has ssh && has ssh-keygen; } || missing+=(openssh-client)
{ has mariadbd && has mariadb-install-db; } || missing+=(mariadb-server-core)
[ ${#missing[@]} = 0 ] && { say "all there"; exit 0; }

if [ ! -e "$POLICY" ]; then  # asked by the packages whether they may start what they bring
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
  trap 'rm -f "$POLICY"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
say "installing ${missing[*]}"
retry_once apt-get -qq update
retry_once apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
say done
