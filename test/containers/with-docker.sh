#!/usr/bin/env bash
# Runs a command where a Docker engine answers. Where none does, one that is installed is started (as root) for as long as
# the command runs; where that cannot be either, the command is run all the same, and says what it leaves out.
#
# with-docker.sh <command…>
set -euo pipefail
answers() { docker version >/dev/null 2>&1; }

if ! answers && [ "$(id --user)" = 0 ] && command -v dockerd >/dev/null; then
  folder=$(mktemp -d)
  dockerd --pidfile "$folder/pid" --exec-root "$folder/exec" --host "unix://$folder/socket" >"$folder/log" 2>&1 &
  dockerd=$!
  trap 'kill "$dockerd" 2>/dev/null || true; wait "$dockerd" || true; rm -rf "$folder"' EXIT
  export DOCKER_HOST="unix://$folder/socket"
  for _ in $(seq 150); do
    if answers || ! kill -0 "$dockerd" 2>/dev/null; then break; fi
    sleep 0.2
  done
  answers || echo "dockerd does not start: $(tail -1 "$folder/log")" >&2
fi

"$@"
