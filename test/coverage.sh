#!/bin/sh
# Runs all tests under c8 and enforces coverage: every line and branch of the core, 95 % elsewhere.
set -eu
npx c8 --src src --include 'src/**' --all --reporter text --reporter html npm test --silent
npx c8 report --src src --include 'src/**' --all --reporter text-summary --check-coverage --lines 95 --branches 95 >/dev/null
npx c8 report --src src --include 'src/lib/core/**' --all --reporter text-summary --check-coverage --lines 100 --branches 100 >/dev/null
