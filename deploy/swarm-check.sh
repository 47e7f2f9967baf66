#!/bin/sh
# Checks that a swarm restarts a killed master without loss, and scales; then, that members which elect their master
# replace one that is killed, and are updated one by one without loss. On own ports and under an own name; removes what
# it created, also the swarm, if it created one.
set -eu
cd "$(dirname "$0")/.."
export STACK=replog-check MASTER_PORT=18080 S1_PORT=18081 S2_PORT=18082 MORE_SECONDARIES=1 DATA_DIR= API_TOKEN=
export A_PORT=$MASTER_PORT B_PORT=$S1_PORT C_PORT=$S2_PORT
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
is_unlinked() { [ -z "$(docker network ls --quiet --filter "label=com.docker.stack.namespace=$STACK")" ]; }
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

say 'instead: members a, b and c, which elect their master'
deploy/swarm.sh down >/dev/null
wait_until 'everything is taken away' is_gone
wait_until 'the network is gone' is_unlinked
export FAILOVER=1
deploy/swarm.sh up >/dev/null
# Where the master is, by its port.
find_master() {
  for port in "$A_PORT" "$B_PORT" "$C_PORT"; do
    master=http://127.0.0.1:$port
    if ask "$master/readyz?role=master" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}
members_are_ok() { find_master && is_ok 3 && [ "$(complete_members)" = 3 ]; }
complete_members() {
  for port in "$A_PORT" "$B_PORT" "$C_PORT"; do ask "http://127.0.0.1:$port/health" && echo; done |
    grep -c '"committed":[0-9]*,"complete":true'
}
name_of_master() { ask "$master/health" | sed 's/.*"nodeId":"\([abc]\)".*/\1/'; }
wait_until 'all are there, and one is the master' members_are_ok
for number in $(seq 20); do append "message $number" 3 >/dev/null; done
before=$(ask "$master/messages")
name=$(name_of_master)
say "docker kill of $name (the master)"
docker kill "$(containers --filter "label=com.docker.swarm.service.name=${STACK}_$name")" >/dev/null
is_replaced() { find_master && [ "$(name_of_master)" != "$name" ]; }
wait_until 'another one is the master' is_replaced
append 'after the kill' 2
wait_until 'the swarm has started it again, and all are complete' members_are_ok
for node in a b c; do
  say "an update of $node"
  docker service update --quiet --force "${STACK}_$node" >/dev/null
  wait_until 'all are there, and one is the master' members_are_ok
done
after=$(ask "$master/messages")
[ "$after" = "${before%]},\"after the kill\"]" ] || { say "lost: $before became $after" >&2; exit 1; }
say 'passed: killed, restarted, nothing lost; scaled; killed, replaced, updated, nothing lost'
