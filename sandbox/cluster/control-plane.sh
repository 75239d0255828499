#!/usr/bin/env bash
# control-plane.sh up|down|status: etcd, kube-apiserver, kube-controller-manager, kube-scheduler.
set -euo pipefail
. "$(dirname "$0")/env.sh"
K() { "$KUBE_BIN/kubectl" --kubeconfig "$kubeconfig" "$@"; }

up() {
  local t0; t0=$(now)
  "$here/certs.sh"
  echo "certificates     $(since "$t0")"
  start etcd "$KUBE_BIN/etcd" --name bus --data-dir "$KUBE_DIR/etcd" --log-level warn \
    --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
    --listen-peer-urls "http://127.0.0.1:$etcd_peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$etcd_peer_port" \
    --initial-cluster "bus=http://127.0.0.1:$etcd_peer_port" --unsafe-no-fsync
  answers etcd 300 curl -sf "http://127.0.0.1:$etcd_port/health"
  echo "etcd healthy     $(since "$t0")"

  # A loopback address may not stand in the endpoints of the Service "kubernetes".
  local endpoints=(--advertise-address "$KUBE_ADDR")
  case $KUBE_ADDR in 127.*) endpoints=(--endpoint-reconciler-type none) ;; esac
  start kube-apiserver "$KUBE_BIN/kube-apiserver" \
    --etcd-servers "http://127.0.0.1:$etcd_port" \
    --bind-address "$KUBE_ADDR" --secure-port "$apiserver_port" "${endpoints[@]}" \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" --cert-dir "$KUBE_DIR/run" \
    --client-ca-file "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/apiserver-kubelet-client.crt" --kubelet-client-key "$pki/apiserver-kubelet-client.key" \
    --kubelet-certificate-authority "$pki/ca.crt" \
    --kubelet-preferred-address-types InternalIP,Hostname \
    --requestheader-client-ca-file "$pki/front-proxy-ca.crt" --requestheader-allowed-names front-proxy-client \
    --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
    --requestheader-extra-headers-prefix X-Remote-Extra- \
    --proxy-client-cert-file "$pki/front-proxy-client.crt" --proxy-client-key-file "$pki/front-proxy-client.key" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$pki/sa.pub" --service-account-signing-key-file "$pki/sa.key" \
    --service-cluster-ip-range "$KUBE_SERVICE_CIDR" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
    --profiling=false
  # The others end when they are still forbidden to ask after some 20 s: a busy machine takes longer to make its roles.
  answers kube-apiserver 300 K get --raw /readyz
  echo "apiserver ready  $(since "$t0")"
  start kube-controller-manager "$KUBE_BIN/kube-controller-manager" \
    --kubeconfig "$conf/controller-manager.kubeconfig" \
    --bind-address 127.0.0.1 --secure-port "$cm_port" --cert-dir "$KUBE_DIR/run" --leader-elect=false \
    --enable-hostpath-provisioner --use-service-account-credentials --controllers '*,bootstrap-signer-controller,token-cleaner-controller' \
    --service-account-private-key-file "$pki/sa.key" --root-ca-file "$pki/ca.crt" \
    --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
    --allocate-node-cidrs --cluster-cidr "$KUBE_POD_CIDR" --service-cluster-ip-range "$KUBE_SERVICE_CIDR" \
    --profiling=false
  start kube-scheduler "$KUBE_BIN/kube-scheduler" \
    --kubeconfig "$conf/scheduler.kubeconfig" \
    --bind-address 127.0.0.1 --secure-port "$sched_port" --cert-dir "$KUBE_DIR/run" --leader-elect=false --profiling=false
  answers kube-controller-manager 300 curl -skf "https://127.0.0.1:$cm_port/healthz"
  answers kube-scheduler 300 curl -skf "https://127.0.0.1:$sched_port/healthz"
  wait_for 300 K -n default get serviceaccount default
  K apply -f "$here/../../rbac/roles.yaml" -f "$here/../../rbac/own-cluster.yaml" >/dev/null
  echo "control plane up $(since "$t0")"
}

down() { for c in kube-scheduler kube-controller-manager kube-apiserver etcd; do stop $c; done; }

status() {
  local c pid
  for c in etcd kube-apiserver kube-controller-manager kube-scheduler kwok containerd kubelet kube-proxy local-provisioner registry registry-customer; do
    if pid=$(pid_of "$c"); then
      printf '%-24s pid %-7s rss %4d MiB\n' "$c" "$pid" "$(awk '/VmRSS/{print int($2/1024)}' "/proc/$pid/status")"
    fi
  done
}
case ${1:-} in up|down|status) "$1" ;; *) echo "usage: $0 up|down|status" >&2; exit 2 ;; esac
