#!/usr/bin/env bash
# fake-node.sh up [COUNT]|down: KWOK and COUNT (default 1) fake nodes. Pods on them turn
# Ready, Jobs complete, nothing is really run. Claims are bound by the controller-manager.
# FAKE_EXEC=1: what is asked for with `kubectl exec` runs on this machine, as whoever started this.
set -euo pipefail
. "$(dirname "$0")/env.sh"
K() { "$KUBE_BIN/kubectl" --kubeconfig "$kubeconfig" "$@"; }

up() {
  local t0 i; t0=$(now)
  # KWOK's own default stages, printed from the module by our binary; without them it refuses to start.
  "$KUBE_BIN/kube" kwok-stages >"$conf/kwok.yaml"
  [ -z "${FAKE_EXEC:-}" ] || cat >>"$conf/kwok.yaml" <<YAML
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterExec
metadata: {name: local}
spec: {execs: [{local: {}}]}
YAML
  start kwok "$KUBE_BIN/kwok" --config "$conf/kwok.yaml" --kubeconfig "$conf/kwok.kubeconfig" \
    --manage-nodes-with-annotation-selector kwok.x-k8s.io/node=fake --node-ip 127.0.0.1 --node-lease-duration-seconds 40 --cidr "$KUBE_POD_CIDR" \
    --node-port "$kwok_port" --server-address "127.0.0.1:$kwok_port" \
    --tls-cert-file "$pki/kwok-serving.crt" --tls-private-key-file "$pki/kwok-serving.key"
  for i in $(seq "${1:-1}"); do
    cat <<YAML
apiVersion: v1
kind: Node
metadata:
  name: fake-$i
  labels: {type: kwok, kubernetes.io/os: linux, kubernetes.io/arch: amd64, kubernetes.io/hostname: fake-$i}
  annotations: {kwok.x-k8s.io/node: fake, node.alpha.kubernetes.io/ttl: "0"}
status:
  allocatable: {cpu: "10000", memory: 100Ti, pods: "10000", ephemeral-storage: 100Ti}
  capacity: {cpu: "10000", memory: 100Ti, pods: "10000", ephemeral-storage: 100Ti}
---
YAML
  done | K apply -f - >/dev/null
  K get storageclass standard >/dev/null 2>&1 || K apply -f "$here/storageclass.yaml" >/dev/null
  K wait --for=condition=Ready node --all --timeout=60s
  echo "fake nodes ready $(since "$t0")"
}
down() { stop kwok; }
case ${1:-} in up|down) "$@" ;; *) echo "usage: $0 up [COUNT]|down" >&2; exit 2 ;; esac
