#!/usr/bin/env bash
# Installs Debian's Docker engine where none answers, and what the node of the Kubernetes tests wants besides: as root, on
# Debian. Elsewhere it does nothing, and the tests say what they leave out.
set -euo pipefail
packages=(docker.io debootstrap containerd containernetworking-plugins iptables iproute2)

if docker version >/dev/null 2>&1 || [ "$(id --user)" != 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi
if dpkg --status "${packages[@]}" >/dev/null 2>&1; then exit 0; fi
{
  timeout 60 apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -qq --no-install-recommends "${packages[@]}"
} >/dev/null 2>&1 || echo "not installed: ${packages[*]}" >&2
