#!/usr/bin/env bash
# Runs a command where a Docker engine answers. Where none does, Debian's is installed (as root) and started for as long
# as the command runs; where that cannot be either, the command is run all the same, and says what it leaves out.
#
# with-docker.sh <command…>
set -euo pipefail
answers() { docker version >/dev/null 2>&1; }

if ! answers && [ "$(id --user)" = 0 ] && command -v apt-get >/dev/null; then
  # What the node of the Kubernetes tests wants comes along.
  packages=(docker.io debootstrap containerd containernetworking-plugins iptables iproute2)
  dpkg --status "${packages[@]}" >/dev/null 2>&1 || {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${packages[@]}"
  } >/dev/null || echo "not installed: ${packages[*]}" >&2
  # Installing may have started it, as a service.
  if ! answers && command -v dockerd >/dev/null; then
    folder=$(mktemp -d)
    dockerd --pidfile "$folder/pid" --exec-root "$folder/exec" --host "unix://$folder/socket" >"$folder/log" 2>&1 &
    dockerd=$!
    trap 'kill "$dockerd"; wait "$dockerd" || true; rm -rf "$folder"' EXIT
    export DOCKER_HOST="unix://$folder/socket"
    for _ in $(seq 150); do
      if answers || ! kill -0 "$dockerd" 2>/dev/null; then break; fi
      sleep 0.2
    done
    answers || tail -3 "$folder/log" >&2
  fi
fi

"$@"
