#!/bin/sh
# Checks that a swarm restarts a killed master without loss, and scales. All in memory, on own ports and under an own
# name; removes what it created, also the swarm, if it created one.
set -eu
cd "$(dirname "$0")/.."
export STACK=replog-check MASTER_PORT=18080 S1_PORT=18081 S2_PORT=18082 MORE_SECONDARIES=1 DATA_DIR= API_TOKEN=
CLUSTER_TOKEN=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
export CLUSTER_TOKEN
master=http://127.0.0.1:$MASTER_PORT
began_swarm=

say() { printf '%s\n' "$*"; }
containers() { docker ps --quiet --filter "label=com.docker.stack.namespace=$STACK" "$@"; }
master_container() { containers --filter "label=com.docker.swarm.service.name=${STACK}_master"; }
ask() { curl --silent --fail --max-time 20 "$@"; }
append() { ask "$master/messages" -H 'content-type: application/json' -d "{\"message\":\"$1\",\"w\":$2}" && echo; }

# wait_until WHAT COMMAND...: waits for a minute at most, then prints the state of the swarm.
wait_until() {
  what=$1; shift; tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -ge 240 ]; then
      say "a minute has gone, and not: $what" >&2
      docker stack ps --no-trunc "$STACK" >&2 || true
      docker service logs --tail 20 "${STACK}_master" >&2 || true
      exit 1
    fi
    sleep 0.25
  done
  say "  $what"
}
is_ok() { ask "$master/health" | grep -q "\"status\":\"ok\".*\"nodes\":$1"; }
is_another_master() { [ -n "$(master_container)" ] && [ "$(master_container)" != "$killed" ]; }
is_gone() { [ -z "$(containers --all)" ]; }
same_log() { [ "$(ask "$1/messages")" = "$(ask "$master/messages")" ]; }

clean_up() {
  code=$?
  trap - EXIT
  deploy/swarm.sh down >/dev/null 2>&1 || true
  wait_until 'everything is taken away' is_gone
  [ -z "$began_swarm" ] || docker swarm leave --force >/dev/null
  docker volume ls --quiet --filter name="$STACK" | xargs -r docker volume rm >/dev/null 2>&1 || true
  exit "$code"
}

if [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = inactive ]; then
  docker swarm init --advertise-addr 127.0.0.1 >/dev/null
  began_swarm=yes
fi
trap clean_up EXIT
trap 'exit 130' INT TERM

say 'a master and three secondaries'
deploy/swarm.sh up >/dev/null
wait_until 'the cluster is ok' is_ok 4

say 'twenty messages with w=2'
for number in $(seq 20); do append "message $number" 2 >/dev/null; done
before=$(ask "$master/messages")
append 'before the kill' 2
before="${before%]},\"before the kill\"]"

killed=$(master_container)
say "docker kill ${killed} (the master)"
docker kill "$killed" >/dev/null
wait_until 'the swarm has started another master' is_another_master
wait_until 'the cluster is ok' is_ok 4
after=$(ask "$master/messages")
[ "$after" = "$before" ] || { say "lost: $before became $after" >&2; exit 1; }
say '  all 21 messages are there'
append 'after the kill' 4

say 'one more secondary: MORE_SECONDARIES=2'
MORE_SECONDARIES=2 deploy/swarm.sh up >/dev/null
wait_until 'the cluster is ok, with five nodes' is_ok 5
append 'from five' 5
for port in "$S1_PORT" "$S2_PORT"; do wait_until "the log at port $port is that of the master" same_log "http://127.0.0.1:$port"; done
say 'passed: killed, restarted, nothing lost; scaled'
