#!/bin/bash
# The unit's exposure, as systemd sees it, stays at or under 1.5; and systemd accepts every
# line of it. Prints TAP; skipped only where systemd-analyze is missing.
set -u
cd "$(dirname "$0")/.."
limit=15 # tenths
echo "1..3"
if ! command -v systemd-analyze >/dev/null; then
  for number in 1 2 3; do
    echo "ok $number - the service unit # SKIP systemd-analyze is missing"
  done
  exit 0
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/linli-service.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
failed=0
report() { # NUMBER CLAIM: after a command; shows its output where it failed
  local status=$?
  if [[ $status -eq 0 ]]; then
    echo "ok $1 - $2"
  else
    echo "not ok $1 - $2"
    sed 's/^/# /' "$scratch/output"
    failed=1
  fi
}

# systemd wants to see the program that is started; any will do for reading the unit.
mkdir -p "$scratch/bin"
printf '#!/bin/sh\n' >"$scratch/bin/linlid"
chmod 755 "$scratch/bin/linlid"
sed "s|@SBINDIR@|$scratch/bin|" configs/linlid.service >"$scratch/linlid.service"

systemd-analyze security --offline=true --threshold="$limit" --no-pager \
  "$scratch/linlid.service" >"$scratch/output" 2>&1
report 1 "the service's exposure is at most 1.5: $(grep -o 'exposure level.*: [0-9.]*' "$scratch/output" | grep -o '[0-9.]*$')"

# Warnings about what this machine lacks (a man page) are none about the unit.
systemd-analyze verify --man=no "$scratch/linlid.service" >"$scratch/output" 2>&1 &&
  ! grep -iE 'unknown|failed to parse|ignoring' "$scratch/output"
report 2 "systemd understands every line of the unit"

! grep -q '^PrivateUsers=yes' configs/linlid.service &&
  grep -q '^RestartPreventExitStatus=2$' configs/linlid.service &&
  grep -q '^u _linli ' configs/linli.sysusers
report 3 "the caller's uid reaches the daemon, and a wrong configuration is not tried again"
exit "$failed"
