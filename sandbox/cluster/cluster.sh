#!/usr/bin/env bash
# cluster.sh up|down|purge|status: a one-node cluster that runs containers (needs root).
# down stops every process and container and leaves the data; purge removes the data too.
set -euo pipefail
export KUBE_ADDR=${KUBE_ADDR:-172.31.240.1} KUBE_PORT_BASE=${KUBE_PORT_BASE:-16500} KUBE_REGISTRY=${KUBE_REGISTRY:-127.0.0.1:5000}
. "$(dirname "$0")/env.sh"
K() { "$KUBE_BIN/kubectl" --kubeconfig "$kubeconfig" "$@"; }
up() {
  local t0; t0=$(now)
  [ -e "$KUBE_DIR/images/pause.tar" ] || { echo "no images in $KUBE_DIR/images: run python3 -m sandbox.images.build build" >&2; exit 1; }
  "$here/node.sh" bridge
  "$here/registry.sh" up
  "$here/control-plane.sh" up
  "$here/node.sh" up
  K apply -f "$here/dns.yaml" >/dev/null
  K -n kube-system rollout status deploy/coredns --timeout=120s
  echo "cluster ready    $(since "$t0")   kubeconfig: $kubeconfig"
}
down() {
  "$here/node.sh" down
  "$here/control-plane.sh" down
  "$here/registry.sh" down
}
purge() {
  down
  no_link "${KUBE_NODE_BRIDGE:-bus-node0}"
  # Nothing may still be mounted below what is removed.
  if grep -q " $KUBE_DIR/" /proc/mounts; then echo "still mounted below $KUBE_DIR" >&2; exit 1; fi
  local d
  for d in etcd volumes kubelet containerd cni pod-logs registry registry-customer run log conf pki registry-hosts volume-plugins kubeconfig; do rm -rf "${KUBE_DIR:?}/$d"; done
}
status() { "$here/control-plane.sh" status; K get nodes; K get pods -A; }
case ${1:-} in up|down|purge|status) "$1" ;; *) echo "usage: $0 up|down|purge|status" >&2; exit 2 ;; esac
