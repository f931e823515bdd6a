#!/usr/bin/env bash
# The unit tests and both examples on every version of Node that Leat supports; npm's package `node` has the programs.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for version in ${*:-20 22 24}; do
  echo "=== Node $version"
  node=$(npx -y -p "node@$version" -c 'command -v node')
  "$node" --version
  "$node" node_modules/vitest/vitest.mjs run --project unit
  for example in hello cities; do
    "$node" packages/cli/bin/leat.js dev "examples/$example/pipeline.ts" \
      --state-dir "$work/$version/state" --param "out=$work/$version/$example" --log-level warn
  done
done
