# The project's commands. `make help` prints them.
BUN_VERSION := 1.4.5
BUN = $(shell command -v bun || npx -y -p bun@$(BUN_VERSION) -c 'command -v bun')

.PHONY: help up down start stop logs ps acceptance failover-check test simulate mutants fuzz chaos coverage lint typecheck \
	swarm swarm-down swarm-check bench bench-quick bench-report bun print-bun clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 22

up: ## start three nodes on ports 8080, 8081, 8082 (in Docker, or as local processes); FAILOVER=1: they elect their master
	@deploy/cluster.sh up

down: ## stop them
	@deploy/cluster.sh down

start: ## start one node again: make start NODE=s2
	@deploy/cluster.sh start $(NODE)

stop: ## stop one node: make stop NODE=s2
	@deploy/cluster.sh stop $(NODE)

logs: ## show their logs; FOLLOW=1 keeps following
	@deploy/cluster.sh logs

ps: ## show which nodes run
	@deploy/cluster.sh ps

acceptance: node_modules ## run the self-check on a new cluster, in Docker if it is there; WHERE=docker|local
	@npm run --silent acceptance

failover-check: node_modules ## hurt members that elect their master, and check what a client was told; WHERE=docker|local
	@npm run --silent failover-check

test: node_modules ## run all tests; fails below the required coverage
	@npm run --silent coverage

fuzz: node_modules ## run 100,000 generated cases against every endpoint; RUNS=..., SEED=... replays
	@npm run --silent fuzz

coverage: test ## run all tests; the coverage report is in coverage/index.html

simulate: node_modules ## simulate clusters from seeds: SEEDS=10000 [FROM=1]; print all events of one seed: SEED=42 TRACE=1; ELECTIONS=1 elects masters
	@npm run --silent simulate

chaos: node_modules ## inject faults into real nodes, and check that nothing is lost: SECONDS=60 SEED=7 MODE=memory|disk ELECTIONS=1
	@npm run --silent chaos$(if $(ELECTIONS),:elections)

mutants: node_modules ## plant one bug at a time in the core, and check that the simulator finds it; ONLY=text selects some
	@npm run --silent mutants

bench: node_modules ## measure, compared with a bare node:http server: ONLY="throughput disk"; PEERS=1 adds Redis, etcd and NATS; RUNTIME=...
	@npm run --silent bench

bench-quick: node_modules ## measure in two minutes, on less data
	@QUICK=1 npm run --silent bench

bench-report: node_modules ## write docs/benchmark.md and its chart from the newest results; FILES="..." for others
	@npm run --silent bench:report -- $(FILES)

lint: node_modules ## check format and lint rules
	@npm run --silent lint

typecheck: node_modules ## check types
	@npm run --silent typecheck

swarm: ## deploy to a Docker swarm (docker swarm init), scale or update it: make swarm MORE_SECONDARIES=2; or FAILOVER=1
	@deploy/swarm.sh up

swarm-down: ## remove the deployment from the swarm, but keep its volumes
	@deploy/swarm.sh down

swarm-check: ## check on a swarm: a killed master, scaling, members that elect another one; removes what it created
	@deploy/swarm-check.sh

bun: node_modules ## run the self-check with Bun
	@WHERE=local RUNTIME=$(BUN) npm run --silent acceptance

print-bun:
	@echo $(BUN)

clean: ## stop the cluster, and remove all generated files and the volumes of its containers
	@deploy/cluster.sh forget
	rm -rf node_modules coverage bench/results .cluster .env

node_modules: package-lock.json
	npm ci --no-audit --no-fund
	@touch node_modules
