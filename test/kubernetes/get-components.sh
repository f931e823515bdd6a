#!/usr/bin/env bash
# Gets what the tests of Kubernetes run on, into Leat's cache, and leaves there what is there already: etcd from Debian's
# package, the rest built by Go from its modules. The first time takes a quarter of an hour on two cores.
#
# get-components.sh [folder]; on Debian, with Go
set -euo pipefail
target=${1:-${LEAT_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/leat}/kubernetes}
kubernetes=1.34.4 helm=3.21.4 coredns=1.15.0 keda=2.21.0
versions="kubernetes $kubernetes, helm $helm, coredns $coredns, keda $keda"
if [ "$(cat "$target/versions" 2>/dev/null)" != "$versions" ]; then rm -rf "$target"; fi
mkdir -p "$target"
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOFLAGS='-buildvcs=false -mod=mod' GOTOOLCHAIN=local CGO_ENABLED=0
has() { [ -e "$target/$1" ]; }
# Renamed at the end, so that nobody ever finds half a file.
keep() { chmod 755 "$1" && mv "$1" "$target/.$2" && mv "$target/.$2" "$target/$2"; }
build() { # name, package, flags of the linker
  echo "building $1"
  nice -n 19 go build -p 2 -ldflags "-s -w ${3:-}" -o "$work/$1" "$2"
  keep "$work/$1" "$1"
}

if ! has etcd; then
  (cd "$work" && apt-get download etcd-server && dpkg-deb -x etcd-server_*.deb etcd-package)
  keep "$work/etcd-package/usr/bin/etcd" etcd
fi

commands=(kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet kube-proxy)
missing=()
for command in "${commands[@]}"; do has "$command" || missing+=("$command"); done
if [ ${#missing[@]} -gt 0 ]; then
  go mod download "k8s.io/kubernetes@v$kubernetes"
  cp -r "$(go env GOMODCACHE)/k8s.io/kubernetes@v$kubernetes" "$work/kubernetes"
  chmod -R u+w "$work/kubernetes"
  cd "$work/kubernetes"
  # Its parts lie beside it in the repository, and are modules of their own elsewhere, with a version of their own.
  rm -rf vendor go.work go.work.sum
  sed -i -E "s#=> \./staging/src/(k8s\.io/[a-z-]+)#=> \1 v0.${kubernetes#1.}#" go.mod
  minor=${kubernetes#1.}
  version="-X k8s.io/component-base/version.gitVersion=v$kubernetes"
  version+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
  for command in "${missing[@]}"; do build "$command" "./cmd/$command" "$version"; done
fi

if ! has helm; then
  mkdir "$work/helm-module" && cd "$work/helm-module"
  go mod init leat.test/helm 2>/dev/null && go get "helm.sh/helm/v3/cmd/helm@v$helm"
  minor=${kubernetes#1.}
  # What it takes the cluster for when it renders without one.
  of=helm.sh/helm/v3/pkg
  build helm helm.sh/helm/v3/cmd/helm \
    "-X $of/chartutil.k8sVersionMajor=1 -X $of/chartutil.k8sVersionMinor=${minor%%.*} -X $of/lint/rules.k8sVersionMajor=1 -X $of/lint/rules.k8sVersionMinor=${minor%%.*}"
fi

if ! has coredns; then
  # With the two plugins that are needed: all of them would take as long as Kubernetes.
  mkdir "$work/dns" && cd "$work/dns"
  cat >main.go <<'GO'
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() {
	dnsserver.Directives = []string{"bind", "errors", "kubernetes"}
	coremain.Run()
}
GO
  go mod init leat.test/dns 2>/dev/null && go get "github.com/coredns/coredns@v$coredns"
  build coredns .
fi

if ! has pause; then
  # Holds the namespaces of a pod, and does nothing.
  mkdir "$work/pause-module" && cd "$work/pause-module"
  cat >main.go <<'GO'
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
GO
  go mod init leat.test/pause 2>/dev/null
  build pause .
fi

if ! has keda-crds.yaml; then
  # The published definitions of KEDA's resources, by which the API server judges ours.
  go mod download "github.com/kedacore/keda/v2@v$keda"
  cat "$(go env GOMODCACHE)/github.com/kedacore/keda/v2@v$keda"/config/crd/bases/keda.sh_scaledobjects.yaml >"$work/crds"
  keep "$work/crds" keda-crds.yaml
fi

# Those of the Prometheus operator. They say themselves which version they are of.
operator=0.85.0
if ! grep -qs "operator.prometheus.io/version: $operator" "$target/prometheus-crds.yaml"; then
  go mod download "github.com/prometheus-operator/prometheus-operator@v$operator"
  cd "$(go env GOMODCACHE)/github.com/prometheus-operator/prometheus-operator@v$operator/example/prometheus-operator-crd"
  cat monitoring.coreos.com_{servicemonitors,prometheusrules}.yaml >"$work/crds"
  keep "$work/crds" prometheus-crds.yaml
fi

# Last: with it, all are there.
echo "$versions" >"$target/versions"
