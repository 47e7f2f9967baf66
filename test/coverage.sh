#!/bin/sh
# Runs all tests under c8 and enforces coverage: every line and branch of the core, 95 % elsewhere.
set -eu
# These files have types only, and nothing to run.
types='--exclude src/lib/page/types.d.ts --exclude src/lib/core/protocol.ts --exclude src/lib/core/refusal.ts --exclude src/lib/core/replication/peer-ports.ts --exclude src/lib/api/ports.ts'
all="--src src --all --include src/**/*.ts $types"
core="--src src --all --include src/lib/core/**/*.ts $types"
set -f # the patterns are for c8, not for the shell
npx c8 $all --reporter text --reporter html npm test --silent
npx c8 report $all --exclude src/lib/core/**/*.ts --reporter none --check-coverage --lines 95 --branches 95
npx c8 report $core --reporter none --check-coverage --lines 100 --branches 100
echo 'Coverage is enforced: all lines and branches of the core, 95 % of the rest.'
