#!/bin/sh
# One cluster on this machine: in Docker where an engine answers, else as local processes in the background, with pid
# files, logs and settings in .cluster/. It is a master and two secondaries; with FAILOVER=1 at `up` it is three equal
# members a, b, c, on disk, which elect their master. The other commands find out which of the two it is.
# Settings come from .env and the environment of `up`; `start` starts a node with the settings it had.
#   cluster.sh up | down | forget | logs | ps | start NODE | stop NODE
set -eu
cd "$(dirname "$0")/.."
state=.cluster
# This file is there while the cluster is one of equal members.
marker=$state/failover

say() { printf '%s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }
# Runs a command, and shows its output only if it fails.
quietly() {
  output=$(mktemp)
  if "$@" >"$output" 2>&1; then rm "$output"; else cat "$output" >&2; rm "$output"; return 1; fi
}

# --- which cluster ---------------------------------------------------------------------------------

is_failover() { [ -e "$marker" ]; }
nodes() { if is_failover; then say 'a b c'; else say 'master s1 s2'; fi; }
first() { if is_failover; then say a; else say master; fi; }

# --- Docker or local -----------------------------------------------------------------------------

compose() {
  if is_failover; then set -- -f docker-compose.failover.yml "$@"; fi
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
  case " $(nodes) " in *" $1 "*) ;; *) fail "no node '$1'; there are: $(nodes)" ;; esac
  case $1 in
    master) say "${MASTER_PORT:-8080}" ;;
    s1) say "${S1_PORT:-8081}" ;;
    s2) say "${S2_PORT:-8082}" ;;
    a) say "${A_PORT:-8080}" ;;
    b) say "${B_PORT:-8081}" ;;
    c) say "${C_PORT:-8082}" ;;
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
  for node in $(nodes); do if is_running "$node"; then return 0; fi; done
  return 1
}

# If a cluster runs locally, commands mean that one, even if Docker has been started meanwhile.
is_local() { runs_locally || ! has_docker; }

# Stores the environment with which a node is started, now and later. It contains tokens.
keep_settings() (
  port=$(port_of "$1")
  list=
  for node in $(nodes); do
    [ "$node" = master ] || list=${list:+$list,}$node=http://127.0.0.1:$(port_of "$node")
  done
  set -a && . ./.env
  NODE_ID=$1 HOST=127.0.0.1 PORT=$port LOG_FORMAT=${LOG_FORMAT:-json}
  if is_failover; then
    MEMBERS=$list DATA_DIR=${DATA_DIR:-$state/data}
    unset SECONDARIES
  else
    SECONDARIES=$list
  fi
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
  case $1 in s*) entry=src/secondary.ts ;; *) entry=src/master.ts ;; esac
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
    # A master that hands over may take 3 s for it, and 5 s more for its waiting clients.
    [ "$tries" -lt 120 ] || fail "$1, pid $pid, does not stop"
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
  # A master comes last: it looks for its secondaries at once.
  for node in $(nodes); do [ "$node" = master ] || start_local "$node"; done
  is_failover || start_local master
}

up_in_docker() {
  say 'Building the image.'
  quietly compose build "$(first)"
  say 'Starting three containers.'
  quietly compose up -d
}

# --- both -----------------------------------------------------------------------------------------

# Runs a script of node with the addresses of the nodes; in Docker inside a container, so that the host needs no tools.
with_nodes() {
  script=$1
  shift
  set --
  if is_local; then
    for node in $(nodes); do set -- "$@" "http://127.0.0.1:$(port_of "$node")"; done
    node -e "$script" "$@"
  else
    if is_failover; then set -- http://a:8080 http://b:8081 http://c:8082; else set -- http://127.0.0.1:8080; fi
    compose exec -T "$(first)" node -e "$script" "$@" 2>/dev/null
  fi
}

# Reads the health of all nodes that answer into `all`, and finds the master.
ask='const ask = (url) => fetch(`${url}/health`).then((r) => r.json()).catch(() => ({}));
Promise.all(process.argv.slice(1).map(ask)).then((all) => {
  const master = all.find((one) => one.secondaries && (one.role ?? "master") === "master");'

# Prints the name of the master and its epoch when all nodes are as they should be; fails before.
cluster_is_ok() {
  with_nodes "$ask"'
    if (master?.status !== "ok" || all.some((one) => one.members && !one.complete)) process.exit(1);
    console.log(master.nodeId, master.epoch);
  });'
}

# Prints why the nodes that have started take no appends yet, if they give a reason.
say_why() {
  with_nodes "$ask"'
    const { reason } = master ?? all.find((one) => one.reason) ?? {};
    if (reason) console.log(`No appends yet: ${reason}.`);
  });' || true
}

# Prints the name of the master and its epoch.
wait_until_ok() {
  tries=0
  until cluster_is_ok; do
    tries=$((tries + 1))
    [ $((tries % 20)) -ne 0 ] || say_why >&2
    if [ "$tries" -ge 120 ]; then logs >&2; fail 'the cluster is not ready; see the log above'; fi
    if is_local; then
      for node in $(nodes); do is_running "$node" || { logs >&2; fail "$node has ended; see the log above"; }; done
    fi
    sleep 0.25
  done
}

runs() { runs_locally || { has_docker && [ -n "$(compose ps -q 2>/dev/null)" ]; }; }

# Notes which kind of cluster this is, unless one of the other kind runs.
choose_kind() {
  if [ "${FAILOVER:-0}" = 1 ]; then
    is_failover || ! runs || fail 'a master and two secondaries run here; stop them first: make down'
    mkdir -p "$state" && : >"$marker"
  else
    ! is_failover || ! runs || fail 'members that elect their master run here; stop them first: make down'
    rm -f "$marker"
  fi
}

up() {
  make_token
  choose_kind
  # No node runs with the stored settings, so those of now count.
  runs_locally || rm -f "$state"/*.env
  if is_local; then up_local; else up_in_docker; fi
  ready=$(wait_until_ok) # An assignment of its own, so that a failure ends the script.
  master=${ready% *}
  url=http://127.0.0.1:$(port_of "$master")
  if is_failover; then say_failover; return; fi
  cat <<END
Ready: the master and its page are at $url, s1 at :$(port_of s1), s2 at :$(port_of s2). Append a message:
  curl -s $url/messages -H 'content-type: application/json' -d '{"message":"Hello","w":2}'
END
}

say_failover() {
  case $master in a) other=b ;; *) other=a ;; esac
  cat <<END
Ready: a, b and c at ports $(port_of a), $(port_of b), $(port_of c) have elected $master, epoch ${ready#* }; its page: $url
  append:            curl -s $url/messages -H 'content-type: application/json' -d '{"message":"Hello"}'
  stop the master:   make stop NODE=$master       (another one takes over; later: make start NODE=$master)
  who is it now:     curl -s http://127.0.0.1:$(port_of $other)/health
  watch it change:   curl -sN http://127.0.0.1:$(port_of $other)/health -H 'accept: text/event-stream'
END
}

down() {
  for pidfile in "$state"/*.pid; do
    [ -e "$pidfile" ] && stop_local "$(basename "$pidfile" .pid)"
  done
  rm -f "$state"/*.env
  if has_docker; then make_token; compose down --remove-orphans; fi
  rm -f "$marker"
}

# Also removes what the containers of either kind stored on disk.
forget() {
  down
  has_docker || return 0
  compose down --volumes --remove-orphans
  mkdir -p "$state" && : >"$marker"
  compose down --volumes --remove-orphans
  rm -f "$marker"
}

logs() {
  if ! is_local; then compose logs --tail=200 ${FOLLOW:+-f}; return; fi
  set --
  for node in $(nodes); do set -- "$@" "$state/$node.log"; done
  tail -n 200 ${FOLLOW:+-f} "$@"
}

ps_() {
  if ! is_local; then compose ps; return; fi
  for node in $(nodes); do
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
