# Sourced by the other scripts. One cluster = one directory ($KUBE_DIR) and one
# block of ports, so several can run side by side.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${KUBE_BIN:?is not set: . sandbox/env.sh first}"  # the binaries of sandbox/toolchain
: "${KUBE_DIR:=$HOME/.cache/bus/sandbox}"      # certificates, etcd data, logs, pid files
: "${KUBE_ADDR:=127.0.0.1}"              # where the API server listens
: "${KUBE_PORT_BASE:=16400}"             # +0 apiserver, +1 etcd, +2 etcd peer, +3 controller-manager, +4 scheduler, +5 kwok
: "${KUBE_SERVICE_CIDR:=10.96.0.0/16}"
: "${KUBE_SERVICE_FIRST:=10.96.0.1}"     # first address of that range: kubernetes.default
: "${KUBE_POD_CIDR:=10.244.0.0/16}"
KUBE_BIN=$(cd "$KUBE_BIN" && pwd)
mkdir -p "$KUBE_DIR"/{pki,conf,log,run}
KUBE_DIR=$(cd "$KUBE_DIR" && pwd)
apiserver_port=$KUBE_PORT_BASE etcd_port=$((KUBE_PORT_BASE+1)) etcd_peer_port=$((KUBE_PORT_BASE+2))
cm_port=$((KUBE_PORT_BASE+3)) sched_port=$((KUBE_PORT_BASE+4)) kwok_port=$((KUBE_PORT_BASE+5))
pki=$KUBE_DIR/pki conf=$KUBE_DIR/conf
kubeconfig=${KUBE_KUBECONFIG:-$KUBE_DIR/kubeconfig}

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN{printf "%.1fs", b-a}'; }

# born PID: when a process started, in ticks since boot; a number that another process may bear later is told apart by it.
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# pid_of NAME: its pid where it runs; fails where it does not, be it that somebody else has that pid by now.
pid_of() {
  local pid at
  [ -s "$KUBE_DIR/run/$1.pid" ] && read -r pid at <"$KUBE_DIR/run/$1.pid" && [ -n "$at" ] && [ "$(born "$pid")" = "$at" ] && echo "$pid"
}
alive() { pid_of "$1" >/dev/null; }

# start NAME COMMAND...: in the background, own session, log and pid file.
start() {
  local name=$1 pid; shift
  if alive "$name"; then echo "$name already runs"; return; fi
  setsid nohup "$@" >>"$KUBE_DIR/log/$name.log" 2>&1 </dev/null &
  pid=$!
  echo "$pid $(born $pid)" >"$KUBE_DIR/run/$name.pid"
}

# stop NAME: by the recorded pid only; TERM, then KILL after 10 s.
stop() {
  local name=$1 pid i
  if pid=$(pid_of "$name"); then
    kill "$pid"
    for i in $(seq 100); do alive "$name" || break; sleep 0.1; done
    if alive "$name"; then kill -9 "$pid"; fi
  fi
  rm -f "$KUBE_DIR/run/$name.pid"
}

# wait_for SECONDS COMMAND...
wait_for() {
  local deadline=$((SECONDS+$1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "timed out: $*" >&2; return 1; }
    sleep 0.2
  done
}

# answers NAME SECONDS COMMAND...: waits for what `start` started; shows the end of its log where it does not answer or has ended.
answers() {
  local name=$1 deadline=$((SECONDS+$2)); shift 2
  until "$@" >/dev/null 2>&1; do
    if ! alive "$name" || [ $SECONDS -ge $deadline ]; then
      echo "$name $(alive "$name" && echo "does not answer: $*" || echo "has ended"); the end of $KUBE_DIR/log/$name.log:" >&2
      tail -n 15 "$KUBE_DIR/log/$name.log" >&2
      return 1
    fi
    sleep 0.2
  done
}

# put FILE: standard input into FILE, only where it differs; true when it did.
put() {
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; return 1; fi
  mv "$1.new" "$1"
}

# tidy COMMAND...: one of several acts of cleaning up; what it could not do is said, and the others still happen.
tidy() { "$@" || echo "left as it is: $*" >&2; }

# no_link NAME: takes a network link away, where there is one.
no_link() { if ip link show "$1" >/dev/null 2>&1; then tidy ip link del "$1"; fi; }
