#!/usr/bin/env bash
# node.sh up|down: a real node on this machine: containerd, kubelet, kube-proxy. Needs root and
# apt-get install --no-install-recommends containerd runc containernetworking-plugins iptables conntrack ethtool
set -euo pipefail
. "$(dirname "$0")/env.sh"
: "${KUBE_NODE_NAME:=node1}"
: "${KUBE_NODE_BRIDGE:=bus-node0}"       # carries KUBE_ADDR, the node's address
: "${KUBE_POD_BRIDGE:=bus-pods0}"        # the pods' bridge, made by the CNI plugin
: "${KUBE_NODE_POD_CIDR:=10.244.0.0/24}" # first /24 of KUBE_POD_CIDR
: "${KUBE_DNS:=10.96.0.10}"
: "${KUBE_PROXY_MODE:=iptables}"
: "${KUBE_RUN:=/run/bus-sandbox}"           # sockets: a path must stay short
: "${KUBE_PAUSE:=bus.local/pause:1}"
: "${KUBE_REGISTRY:=}"                   # e.g. 127.0.0.1:5000: every registry is mirrored to it
: "${KUBE_CUSTOMER_REGISTRY:=127.0.0.1:5001}"
: "${KUBE_NODE_PORT_REGISTRY:=$KUBE_ADDR:30500}"  # where brick docker-registry answers, with service.nodePort 30500
cri=$KUBE_RUN/containerd/containerd.sock
K() { "$KUBE_BIN/kubectl" --kubeconfig "$kubeconfig" "$@"; }

bridge() {
  ip link show "$KUBE_NODE_BRIDGE" >/dev/null 2>&1 || ip link add "$KUBE_NODE_BRIDGE" type bridge
  ip addr replace "$KUBE_ADDR/24" dev "$KUBE_NODE_BRIDGE"
  ip link set "$KUBE_NODE_BRIDGE" up
}

asks() { # NAME ADDRESS: images of registry NAME are pulled from ADDRESS, by plain http
  mkdir -p "$KUBE_DIR/registry-hosts/$1"
  printf '[host."http://%s"]\n  capabilities = ["pull", "resolve"]\n' "$2" >"$KUBE_DIR/registry-hosts/$1/hosts.toml"
}

config() {
  local restrict=false
  (( 0x$(awk '/CapEff/{print $2}' /proc/self/status) >> 24 & 1 )) || restrict=true   # 24: CAP_SYS_RESOURCE
  mkdir -p "$KUBE_DIR"/{cni/net.d,cni/ipam,registry-hosts/_default,kubelet,containerd,pod-logs,volume-plugins} "$KUBE_RUN"
  cat >"$KUBE_DIR/cni/net.d/10-bus.conflist" <<JSON
{"cniVersion": "1.0.0", "name": "bus", "plugins": [
  {"type": "bridge", "bridge": "$KUBE_POD_BRIDGE", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$KUBE_NODE_POD_CIDR"}]],
            "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "$KUBE_DIR/cni/ipam"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
  if [ -n "$KUBE_REGISTRY" ]; then
    asks _default "$KUBE_REGISTRY"
    # The customer's registry goes by its own address, and by a name as a delivery would use it; one that runs in the
    # cluster by the node's. Neither is mirrored, so what a pod names must be there and the pod must have its login.
    asks "$KUBE_CUSTOMER_REGISTRY" "$KUBE_CUSTOMER_REGISTRY"
    asks registry.client.local "$KUBE_CUSTOMER_REGISTRY"
    asks "$KUBE_NODE_PORT_REGISTRY" "$KUBE_NODE_PORT_REGISTRY"
  else
    rm -f "$KUBE_DIR/registry-hosts/_default/hosts.toml"
  fi
  cat >"$conf/containerd.toml" <<TOML
version = 2
root = "$KUBE_DIR/containerd"
state = "$KUBE_RUN/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "$cri"
[plugins."io.containerd.internal.v1.opt"]
  path = "$KUBE_DIR/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$KUBE_PAUSE"
  stream_server_address = "127.0.0.1"
  # Without CAP_SYS_RESOURCE a negative oom_score_adj cannot be set; runc then dies with
  # "can't get final child's PID from pipe: EOF".
  restrict_oom_score_adj = $restrict
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$KUBE_DIR/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$KUBE_DIR/registry-hosts"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
TOML
  cat >"$conf/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $KUBE_ADDR
port: 10250
healthzBindAddress: 127.0.0.1
healthzPort: $((KUBE_PORT_BASE+6))
tlsCertFile: $pki/kubelet-serving.crt
tlsPrivateKeyFile: $pki/kubelet-serving.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$cri
cgroupDriver: cgroupfs
failCgroupV1: false          # from 1.35 on the default is true
clusterDomain: cluster.local
clusterDNS: [$KUBE_DNS]
resolvConf: /etc/resolv.conf
failSwapOn: false
podLogsDir: $KUBE_DIR/pod-logs
volumePluginDir: $KUBE_DIR/volume-plugins
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 200Mi, nodefs.available: 1%, imagefs.available: 1%}
enableDebuggingHandlers: true
serializeImagePulls: false
YAML
  # kube-proxy ends by itself as soon as its file is written again, be it with the same content.
  if put "$conf/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: $KUBE_PROXY_MODE
clientConnection: {kubeconfig: $conf/proxy.kubeconfig}
hostnameOverride: $KUBE_NODE_NAME
clusterCIDR: $KUBE_POD_CIDR
detectLocalMode: ClusterCIDR
nodePortAddresses: [primary]   # only KUBE_ADDR, not every address of the machine
healthzBindAddress: 127.0.0.1:$((KUBE_PORT_BASE+7))
metricsBindAddress: 127.0.0.1:$((KUBE_PORT_BASE+8))
conntrack: {maxPerCore: 0, min: 0}
oomScoreAdj: 0
YAML
  then stop kube-proxy; fi
}

# The kubelet, kube-proxy and the CNI plugin set these and never set them back.
sysctls="vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes
  net.ipv4.ip_forward net.ipv4.conf.all.route_localnet"

renewed() { # TIME: whether the node's lease was renewed since
  local last; last=$(K -n kube-node-lease get lease "$KUBE_NODE_NAME" -o 'jsonpath={.spec.renewTime}')
  [[ $last > $1 ]]
}

up() {
  local t0; t0=$(now)
  [ -e "$KUBE_DIR/run/sysctls" ] || sysctl $sysctls >"$KUBE_DIR/run/sysctls"
  config
  start containerd containerd --config "$conf/containerd.toml"
  answers containerd 300 ctr --address "$cri" version
  echo "containerd       $(since "$t0")"
  local i
  for i in "$KUBE_DIR"/images/*.tar; do
    [ -e "$i" ] || continue
    ctr --address "$cri" -n k8s.io images import "$i" >/dev/null
  done
  echo "images imported  $(since "$t0")"
  local at=; alive kubelet || at=$(date -u +%Y-%m-%dT%H:%M:%S)
  start kubelet "$KUBE_BIN/kubelet" --config "$conf/kubelet.yaml" --kubeconfig "$conf/kubelet.kubeconfig" \
    --root-dir "$KUBE_DIR/kubelet" --cert-dir "$KUBE_DIR/kubelet/pki" \
    --hostname-override "$KUBE_NODE_NAME" --node-ip "$KUBE_ADDR"
  start kube-proxy "$KUBE_BIN/kube-proxy" --config "$conf/kube-proxy.yaml"
  answers kubelet 300 K get node "$KUBE_NODE_NAME"
  echo "node registered  $(since "$t0")"
  start local-provisioner "$KUBE_BIN/kube" local-provisioner --kubeconfig "$kubeconfig" --root "$KUBE_DIR/volumes"
  K apply -f "$here/storageclass-local.yaml" >/dev/null
  # What the cluster knows of its node and pods may be of an earlier run, until this kubelet has spoken.
  [ -z "$at" ] || answers kubelet 300 renewed "$at"
  K wait --for=condition=Ready "node/$KUBE_NODE_NAME" --timeout=120s
  echo "node ready       $(since "$t0")"
}

down() {
  stop kubelet
  stop kube-proxy
  stop local-provisioner
  # Containers outlive their daemons: end the pods, with their networks, through containerd, then end it.
  if alive containerd; then tidy "$KUBE_BIN/kube" cri-stop "unix://$cri"; fi
  stop containerd
  if [ -e "$conf/kube-proxy.yaml" ]; then tidy "$KUBE_BIN/kube-proxy" --config "$conf/kube-proxy.yaml" --cleanup; fi
  local m
  # The kubelet binds its own directory onto itself; volumes may still be mounted below it.
  awk -v a="$KUBE_DIR/kubelet" -v b="$KUBE_RUN" 'index($2"/",a"/")==1||index($2"/",b"/")==1{print $2}' /proc/mounts | sort -r |
    while read -r m; do tidy umount "$m"; done
  # Its own marks in iptables, and its cgroups.
  local t c p
  for t in iptables ip6tables; do
    command -v $t >/dev/null || continue
    for p in "filter INPUT" "filter OUTPUT"; do
      set -- $p
      if $t -t "$1" -C "$2" -j KUBE-FIREWALL 2>/dev/null; then tidy $t -t "$1" -D "$2" -j KUBE-FIREWALL; fi
    done
    for p in "filter KUBE-FIREWALL" "mangle KUBE-IPTABLES-HINT" "mangle KUBE-KUBELET-CANARY" "filter KUBE-KUBELET-CANARY" "nat KUBE-KUBELET-CANARY"; do
      set -- $p
      if $t -t "$1" -S "$2" >/dev/null 2>&1; then tidy $t -t "$1" -F "$2"; tidy $t -t "$1" -X "$2"; fi
    done
  done
  # The CNI plugin's masquerade rules, where a pod's end was cut short. They bear the network's name.
  iptables-save -t nat | sed -n '/name: \\"bus\\"/s/^-A \(POSTROUTING .*\)/\1/p' |
    while read -r p; do tidy eval "iptables -t nat -D $p"; done
  iptables-save -t nat | sed -nE '/name: \\"bus\\"/s/^-A (CNI-[0-9a-f]+).*/\1/p' | sort -u |
    while read -r c; do tidy iptables -t nat -F "$c"; tidy iptables -t nat -X "$c"; done
  for c in /sys/fs/cgroup/*/kubepods /sys/fs/cgroup/kubepods; do
    if [ -d "$c" ]; then tidy find "$c" -depth -type d -exec rmdir {} ';'; fi
  done
  no_link "$KUBE_POD_BRIDGE"
  if [ -e "$KUBE_DIR/run/sysctls" ]; then sysctl -q -p "$KUBE_DIR/run/sysctls"; rm -f "$KUBE_DIR/run/sysctls"; fi
}
case ${1:-} in bridge|up|down) "$1" ;; *) echo "usage: $0 bridge|up|down" >&2; exit 2 ;; esac
