#!/usr/bin/env bash
# registry.sh up|down: the integrator's registry on $KUBE_REGISTRY and a customer's on $KUBE_CUSTOMER_REGISTRY, plain http.
# node.sh makes containerd ask the first for every image of every registry, except for the customer's names.
set -euo pipefail
. "$(dirname "$0")/env.sh"
: "${KUBE_REGISTRY:=127.0.0.1:5000}" "${KUBE_CUSTOMER_REGISTRY:=127.0.0.1:5001}"
one() { # NAME ADDRESS
  mkdir -p "$KUBE_DIR/$1"
  cat >"$conf/$1.yaml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $KUBE_DIR/$1}, delete: {enabled: true}, cache: {blobdescriptor: inmemory}}
http: {addr: "$2"}
YAML
  start "$1" docker-registry serve "$conf/$1.yaml"
  answers "$1" 300 curl -sf "http://$2/v2/"
}
up() { one registry "$KUBE_REGISTRY"; one registry-customer "$KUBE_CUSTOMER_REGISTRY"; }
down() { stop registry; stop registry-customer; }
case ${1:-} in up|down) "$1" ;; *) echo "usage: $0 up|down" >&2; exit 2 ;; esac
