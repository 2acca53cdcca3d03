# lib.sh - what the tests with real daemons share: TAP lines, a directory that goes away, a small
# county, and daemons that are ended by their process id. To be sourced.
#
# Every wait is for a fact, with a deadline generous enough for a sanitizer's build.
set -u
export LC_ALL=C.UTF-8 LINLI_LANG=en
unset NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID JOURNAL_STREAM LINLI_SOCKET
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "$root" && realpath "${BUILD:-build}")
linlid=$BUILD/linlid linli=$BUILD/linli
divisions=$root/configs/suichang/divisions.csv
deadline_s=60

# ---- TAP ----

tests=0 failures=0
pass() {
  tests=$((tests + 1))
  echo "ok $tests - $1"
}
fail() { # CLAIM [WHY…]
  tests=$((tests + 1)) failures=$((failures + 1))
  echo "not ok $tests - $1"
  shift
  [[ $# -eq 0 ]] || printf '%s\n' "$*" | sed 's/^/# /'
}
skip() { # CLAIM REASON
  tests=$((tests + 1))
  echo "ok $tests - $1 # SKIP $2"
}
check() { # CLAIM COMMAND…
  local claim=$1
  shift
  if "$@"; then pass "$claim"; else fail "$claim" "failed: $*"; fi
}
equal() { # CLAIM WANTED FOUND
  if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "wanted: $2"$'\n'"found:  $3"; fi
}
contains() { # CLAIM WANTED TEXT
  if [[ $3 == *"$2"* ]]; then pass "$1"; else fail "$1" "wanted: $2"$'\n'"found:  $3"; fi
}
finish() {
  echo "1..$tests"
  exit $((failures > 0))
}
# Nothing that follows makes sense without this.
must() {
  "$@" && return
  fail "the test could be set up" "failed: $*"
  tail -n 5 "$work"/*/log 2>/dev/null | sed 's/^/# /'
  finish
}

# ---- a place of its own ----

work=$(mktemp -d "${TMPDIR:-/tmp}/linli-test.XXXXXX")
declare -A pid_of
mounts=() # what a test mounted in there
clean_up() {
  local status=$? name
  trap - EXIT
  for name in "${!pid_of[@]}"; do kill -KILL "${pid_of[$name]}" 2>/dev/null; done
  wait 2>/dev/null
  cd /
  [[ ${#mounts[@]} -eq 0 ]] || umount -l "${mounts[@]}"
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 143' TERM INT HUP
cd "$work" || exit 1

# Addresses sanitizers need much memory and time; a few limits are not for them.
is_sanitized() { grep -qa __asan_init "$linlid"; }

# ---- waiting ----

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
wait_until() { # COMMAND…: asks again until it succeeds; false after deadline_s
  local end=$((SECONDS + deadline_s))
  until "$@"; do
    [[ $SECONDS -lt $end ]] || return 1
    sleep 0.02
  done
}

# ---- a county: found NODE=DIVISION…; each dials those before it ----

declare -A port
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port_next=$((20000 + RANDOM % 10000))
choose_port() { # NODE
  until port_is_free "$port_next"; do port_next=$((port_next + 1)); done
  port[$1]=$port_next
  port_next=$((port_next + 1))
}
write_config() { # NODE [PEER…]
  local node=$1 peer
  shift
  {
    printf '[node]\ndirectory = .\nlisten = tcp://127.0.0.1:%d\n' "${port[$node]}"
    printf 'control_socket = socket\ndivisions = %s\n' "$divisions"
    for peer in "$@"; do
      printf '\n[peer %s]\naddress = tcp://127.0.0.1:%d\n' "$peer" "${port[$peer]}"
    done
  } >"$node/linli.conf"
}
init_node() { # NODE DIVISION
  choose_port "$1"
  "$linli" node init "$1" --division "$2" --name "$1" >/dev/null
}
found() {
  local item earlier=()
  "$linli" county create authority --county 331123 --name 遂昌县 >/dev/null || return
  for item in "$@"; do init_node "${item%=*}" "${item#*=}" || return; done
  "$linli" node admit --county authority --yes "${@/%=*//node.request}" >/dev/null || return
  for item in "$@"; do
    "$linli" node join authority/county.grant --directory "${item%=*}" >/dev/null || return
    write_config "${item%=*}" "${earlier[@]}"
    earlier+=("${item%=*}")
  done
}

# ---- daemons ----

at() { # NODE COMMAND…
  local node=$1
  shift
  "$linli" --socket "$node/socket" "$@"
}
answers() { at "$1" peer list >/dev/null 2>&1; }
is_running() { kill -0 "${pid_of[$1]}" 2>/dev/null; }
launch() { # NODE: without waiting for it
  "$linlid" --config "$1/linli.conf" >>"$1/log" 2>&1 </dev/null &
  pid_of[$1]=$!
}
answers_or_ended() { answers "$1" || ! is_running "$1"; }
start() { # NODE…: until they answer
  local node
  for node in "$@"; do launch "$node"; done
  for node in "$@"; do
    wait_until answers_or_ended "$node" && answers "$node" || return 1
  done
}
stop() { # NODE…: as the service manager does; gives the last one's exit status
  local node status=0
  for node in "$@"; do
    kill -TERM "${pid_of[$node]}" 2>/dev/null
    wait "${pid_of[$node]}" 2>/dev/null
    status=$?
    unset "pid_of[$node]"
  done
  return $status
}
slay() { # NODE…: as a power cut does to the process
  local node
  for node in "$@"; do
    kill -KILL "${pid_of[$node]}" 2>/dev/null
    wait "${pid_of[$node]}" 2>/dev/null
    unset "pid_of[$node]"
  done
}

# ---- reading answers: JSON as linli writes it, on one line, without blanks ----

text_of() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }
number_of() { grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d : -f 2; }
ids_of() { grep -o '{"id":"[^"]*","register"' | cut -d '"' -f 4; }
heads_of() { at "$1" digest --json | text_of heads; }
heads_agree() { # NODE NODE…
  local first heads node
  first=$(heads_of "$1")
  for node in "$@"; do
    heads=$(heads_of "$node")
    [[ -n $heads && $heads == "$first" ]] || return 1
  done
}
add_person() { # NODE VILLAGE [OPTIONS…]: prints the id
  local node=$1 village=$2
  shift 2
  at "$node" person add --name 王秀英 --village "$village" --json "$@" | text_of id
}
add_visit() { # NODE PERSON [OPTIONS…]: prints the id
  local node=$1 person=$2
  shift 2
  at "$node" visit add "$person" --when '2025-05-31 14:05' --method home --outcome met --anyway \
    --json "$@" | text_of id
}

# ---- helpers in C, built when they are needed ----

# helper NAME SOURCES… [-lLIBS…]: sets $helper to the program.
build_helper() {
  local name=$1 out=$BUILD/tests/daemons/$1
  shift
  helper=$out
  mkdir -p "${out%/*}"
  [[ ! -x $out || $root/tests/daemons/$name.c -nt $out ]] || return 0
  (cd "$root" && gcc -std=c17 -D_POSIX_C_SOURCE=200809L -O1 -g -Wall -Wextra -I. \
    "tests/daemons/$name.c" "$@" -o "$out.$$") && mv "$out.$$" "$out"
}
