#!/bin/sh
# The cluster as a stack of a Docker swarm: docker-compose.yml and swarm.yml, as one file; with FAILOVER=1 members that
# elect their master: docker-compose.failover.yml and swarm-failover.yml.
#   swarm.sh up | down | config
# Settings come from the environment, then from .env: MORE_SECONDARIES, CLUSTER_TOKEN, DATA_DIR, MASTER_PORT, ...
# IMAGE names an image that all machines can pull; without it one is built for this machine alone.
set -eu
cd "$(dirname "$0")/.."
stack=${STACK:-replog}
files='-f docker-compose.yml -f deploy/swarm.yml'
[ "${FAILOVER:-0}" != 1 ] || files='-f docker-compose.failover.yml -f deploy/swarm-failover.yml'

# `docker stack deploy` reads neither .env nor every feature of compose files, so compose resolves them. Its output has
# ports as text, which a stack refuses, and settings that only compose knows.
config() {
  [ -n "${CLUSTER_TOKEN:-}" ] || deploy/cluster.sh token
  docker compose --project-name "$stack" $files config |
    sed -e '/^name:/d' -e 's/published: "\([0-9]*\)"/published: \1/'
}

up() {
  [ -n "${IMAGE:-}" ] || docker build --quiet --tag replicated-log . >/dev/null
  settings=$(config) # An assignment of its own, so that a failure ends the script.
  printf '%s\n' "$settings" |
    docker stack deploy --resolve-image "$([ -n "${IMAGE:-}" ] && echo changed || echo never)" \
      --with-registry-auth --prune --compose-file - "$stack"
}

down() { docker stack rm "$stack"; }

case ${1:-} in
  up | down | config) "$1" ;;
  *) echo "usage: $0 up | down | config" >&2; exit 1 ;;
esac
