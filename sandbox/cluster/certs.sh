#!/usr/bin/env bash
# Makes the certificates and kubeconfigs of a cluster with openssl. Keeps what is there.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$pki"
node=${KUBE_NODE_NAME:-node1}

# Each file takes its name when it is whole, so that a run that is cut off leaves nothing half made.
key() { [ -f "$1.key" ] || { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key 2>/dev/null; mv new.key "$1.key"; }; }
ca() { # NAME CN
  [ -f "$1.crt" ] && return
  key "$1"
  openssl req -x509 -new -key "$1.key" -days 3650 -subj "/CN=$2" -out new.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
  mv new.crt "$1.crt"
}
cert() { # NAME CA SUBJECT USAGE [SAN]
  [ -f "$1.crt" ] && return
  key "$1"
  { echo "basicConstraints=critical,CA:FALSE"
    echo "keyUsage=critical,digitalSignature,keyEncipherment"
    echo "extendedKeyUsage=$4"
    [ -z "${5:-}" ] || echo "subjectAltName=$5"; } >"$1.ext"
  openssl req -new -key "$1.key" -subj "$3" 2>/dev/null |
    openssl x509 -req -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 3650 -extfile "$1.ext" -out new.crt 2>/dev/null
  mv new.crt "$1.crt"
  rm -f "$1.ext"
}
# kubeconfig FILE CERT=CONTEXT...: the first context is the current one. Written again where it differs.
kubeconfig() {
  local file=$1 b64="base64 -w0" one cert; shift
  (umask 077
  { cat <<YAML
apiVersion: v1
kind: Config
clusters:
- name: bus-sandbox
  cluster: {server: "https://$KUBE_ADDR:$apiserver_port", certificate-authority-data: $($b64 <ca.crt)}
users:
YAML
    for one in "$@"; do
      cert=${one%%=*}
      echo "- name: $cert"
      echo "  user: {client-certificate-data: $($b64 <"$cert.crt"), client-key-data: $($b64 <"$cert.key")}"
    done
    echo "contexts:"
    for one in "$@"; do
      echo "- name: ${one#*=}"
      echo "  context: {cluster: bus-sandbox, user: ${one%%=*}}"
    done
    echo "current-context: ${1#*=}"
  } | put "$file" || true)
}

ca ca kube-ca
ca front-proxy-ca front-proxy-ca
[ -f sa.key ] || { openssl genrsa -out new.key 2048 2>/dev/null; openssl rsa -in new.key -pubout -out sa.pub 2>/dev/null; mv new.key sa.key; }
cert apiserver ca /CN=kube-apiserver serverAuth \
  "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$KUBE_ADDR,IP:$KUBE_SERVICE_FIRST"
cert apiserver-kubelet-client ca "/O=system:masters/CN=kube-apiserver-kubelet-client" clientAuth
cert front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth
cert admin ca "/O=system:masters/CN=kubernetes-admin" clientAuth
cert deployer ca "/O=bus-deployers/CN=bus-deployer" clientAuth
cert previewer ca "/O=bus-previewers/CN=bus-previewer" clientAuth
cert controller-manager ca /CN=system:kube-controller-manager clientAuth
cert scheduler ca /CN=system:kube-scheduler clientAuth
cert proxy ca /CN=system:kube-proxy clientAuth
cert kwok ca "/O=system:masters/CN=kwok" clientAuth
cert kwok-serving ca /CN=kwok serverAuth "DNS:localhost,IP:127.0.0.1,IP:$KUBE_ADDR"
cert kubelet ca "/O=system:nodes/CN=system:node:$node" clientAuth
cert kubelet-serving ca "/O=system:nodes/CN=system:node:$node" serverAuth "DNS:$node,IP:127.0.0.1,IP:$KUBE_ADDR"

# Stack local names context bus-sandbox: it is deployed with the rights of rbac/ and not as an administrator.
kubeconfig "$kubeconfig" admin=bus-sandbox-admin deployer=bus-sandbox previewer=bus-sandbox-previewer
for u in controller-manager scheduler proxy kwok kubelet; do kubeconfig "$conf/$u.kubeconfig" $u=bus-sandbox; done
