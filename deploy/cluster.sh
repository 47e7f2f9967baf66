#!/bin/sh
# One cluster of a master and two secondaries on this machine: in Docker where an engine answers,
# else as local processes in the background, with pid files, logs and settings in .cluster/.
# Settings come from .env and the environment of `up`; `start` starts a node with the settings it had.
#   cluster.sh up | down | forget | logs | ps | start NODE | stop NODE
set -eu
cd "$(dirname "$0")/.."
state=.cluster
nodes='master s1 s2'
services='s1 s2'

say() { printf '%s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }
# Runs a command, and shows its output only if it fails.
quietly() {
  output=$(mktemp)
  if "$@" >"$output" 2>&1; then rm "$output"; else cat "$output" >&2; rm "$output"; return 1; fi
}

# --- Docker or local -----------------------------------------------------------------------------

compose() {
  if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

has_docker() {
  docker info >/dev/null 2>&1 &&
    { docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null 2>&1; }
}

make_token() {
  [ -s .env ] && grep -q '^CLUSTER_TOKEN=' .env && return
  [ ! -s .env ] || printf '\n' >>.env
  (umask 077 && printf 'CLUSTER_TOKEN=%s\n' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >>.env)
}

# --- local processes ------------------------------------------------------------------------------

port_of() {
  if [ -e "$state/$1.env" ]; then (. "./$state/$1.env" && say "$PORT"); return; fi
  case $1 in
    master) say "${MASTER_PORT:-8080}" ;;
    s1) say "${S1_PORT:-8081}" ;;
    s2) say "${S2_PORT:-8082}" ;;
    *) fail "no node '$1'; there are: $nodes" ;;
  esac
}
pid_of() { cat "$state/$1.pid" 2>/dev/null || true; }
# The pid must still be one of our nodes: after a restart of the machine it may be somebody else's.
is_running() {
  pid=$(pid_of "$1")
  [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null &&
    { tr '\0' ' ' <"/proc/$pid/cmdline" || ps -p "$pid" -o args=; } 2>/dev/null | grep -q 'src/[a-z]*\.ts'
}

runs_locally() {
  for node in $nodes; do if is_running "$node"; then return 0; fi; done
  return 1
}

# If a cluster runs locally, commands mean that one, even if Docker has been started meanwhile.
is_local() { runs_locally || ! has_docker; }

# Stores the environment with which a node is started, now and later. It contains tokens.
keep_settings() (
  port=$(port_of "$1")
  secondaries=s1=http://127.0.0.1:$(port_of s1),s2=http://127.0.0.1:$(port_of s2)
  set -a && . ./.env
  NODE_ID=$1 HOST=127.0.0.1 PORT=$port LOG_FORMAT=${LOG_FORMAT:-json}
  SECONDARIES=$secondaries
  FAULT_INJECTION=${FAULT_INJECTION:-true}
  DATA_DIR=${DATA_DIR:+$DATA_DIR/$1}
  # S1_FAULT_DELAY_MS is the FAULT_DELAY_MS of s1, and so on.
  prefix=$(say "$1" | tr a-z A-Z)
  for fault in FAULT_DELAY_MS FAULT_ERROR_RATE FAULT_ERROR_AFTER_APPLY_RATE FAULT_SEED; do
    eval "$fault=\${${prefix}_$fault:-}"
  done
  umask 077
  export -p >"$state/$1.env"
)

start_local() {
  if is_running "$1"; then say "$1 runs already, pid $(pid_of "$1")"; return; fi
  [ "$1" = master ] && entry=src/master.ts || entry=src/secondary.ts
  mkdir -p "$state"
  [ -e "$state/$1.env" ] || keep_settings "$1"
  env -i sh -c '. "$1" && exec nohup node --import tsx "$2"' sh "./$state/$1.env" "$entry" \
    >>"$state/$1.log" 2>&1 </dev/null &
  say $! >"$state/$1.pid"
}

stop_local() {
  is_running "$1" || { rm -f "$state/$1.pid"; return 0; }
  pid=$(pid_of "$1")
  kill "$pid"
  tries=0
  while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 80 ] || fail "$1, pid $pid, does not stop"
    sleep 0.1
  done
  rm -f "$state/$1.pid"
  say "stopped $1"
}

up_local() {
  command -v node >/dev/null || fail 'neither a Docker engine nor node is here; install one of them'
  if [ ! -d node_modules/tsx ]; then
    say 'Installing the development packages (npm ci).'
    quietly npm ci --no-audit --no-fund
  fi
  say "No Docker engine answers: starting local processes; their logs are in $state/."
  for node in $services master; do start_local "$node"; done
}

up_in_docker() {
  say 'Building the image.'
  quietly compose build master
  say 'Starting three containers.'
  quietly compose up -d
}

# --- both -----------------------------------------------------------------------------------------

# Asks the master; in Docker from inside its container, so that the host needs no tools.
is_ok='fetch(`http://127.0.0.1:${process.argv[1]}/health`).then((r) => r.json()).then((h) => process.exit(h.status === "ok" ? 0 : 1), () => process.exit(1))'
cluster_is_ok() {
  if is_local; then node -e "$is_ok" "$(port_of master)"; else compose exec -T master node -e "$is_ok" 8080 2>/dev/null; fi
}

# Prints why a master that has started does not take appends yet, if it gives a reason.
why='fetch(`http://127.0.0.1:${process.argv[1]}/health`).then((r) => r.json()).then((h) => h.reason && console.log(`The master waits: ${h.reason}.`), () => {})'
say_why() {
  if is_local; then node -e "$why" "$(port_of master)"; else compose exec -T master node -e "$why" 8080 2>/dev/null || true; fi
}

wait_until_ok() {
  tries=0
  until cluster_is_ok; do
    tries=$((tries + 1))
    [ $((tries % 20)) -ne 0 ] || say_why
    if [ "$tries" -ge 120 ]; then logs; fail 'the cluster is not ready; see the log above'; fi
    if is_local; then
      for node in $nodes; do is_running "$node" || { logs; fail "$node has ended; see the log above"; }; done
    fi
    sleep 0.25
  done
}

up() {
  make_token
  # No node runs with the stored settings, so those of now count.
  runs_locally || rm -f "$state"/*.env
  if is_local; then up_local; else up_in_docker; fi
  wait_until_ok
  cat <<END
Ready: the master and its page are at http://127.0.0.1:$(port_of master), s1 at :$(port_of s1), s2 at :$(port_of s2). Append a message:
  curl -s http://127.0.0.1:$(port_of master)/messages -H 'content-type: application/json' -d '{"message":"Hello","w":2}'
END
}

down() {
  for pidfile in "$state"/*.pid; do
    [ -e "$pidfile" ] && stop_local "$(basename "$pidfile" .pid)"
  done
  rm -f "$state"/*.env
  if has_docker; then make_token; compose down --remove-orphans; fi
}

# Also removes what the containers stored on disk.
forget() { down; if has_docker; then compose down --volumes --remove-orphans; fi; }

logs() {
  if ! is_local; then compose logs --tail=200 ${FOLLOW:+-f}; return; fi
  tail -n 200 ${FOLLOW:+-f} "$state"/*.log
}

ps_() {
  if ! is_local; then compose ps; return; fi
  for node in $nodes; do
    if is_running "$node"; then say "$node  pid $(pid_of "$node")  http://127.0.0.1:$(port_of "$node")"
    else say "$node  not running"; fi
  done
}

# `compose up` would create a container with the settings of now; `start` starts the stopped one.
start() {
  if is_local; then start_local "$1"
  elif [ -n "$(compose ps -a -q "$1")" ]; then compose start "$1"
  else compose up -d --no-deps "$1"; fi
}
stop() { if is_local; then stop_local "$1"; else compose stop "$1"; fi; }

case ${1:-} in
  up | down | forget | logs) "$1" ;;
  token) make_token ;; # for deploy/swarm.sh
  ps) ps_ ;;
  start | stop) port_of "${2:-}" >/dev/null && "$1" "$2" ;;
  *) fail "usage: $0 up | down | forget | logs | ps | start NODE | stop NODE" ;;
esac
