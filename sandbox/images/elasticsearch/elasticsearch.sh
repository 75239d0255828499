#!/bin/sh
# Starts one Elasticsearch node; arguments (-E key=value) go to it. Configuration is copied since it wants to write there.
set -e
export ES_PATH_CONF=/tmp/config ES_TMPDIR=/tmp/tmp ES_JAVA_HOME=/usr/lib/jvm/java-25-openjdk-amd64
mkdir -p "$ES_PATH_CONF" "$ES_TMPDIR"
cp -r /usr/share/elasticsearch/config/* "$ES_PATH_CONF"
# The root file system is read-only, and ES_JAVA_OPTS may choose another garbage collector than G1.
sed -i -e '/^-Xlog:gc/d' -e 's#^-XX:ErrorFile=.*#-XX:ErrorFile=/tmp/hs_err_pid%p.log#' "$ES_PATH_CONF/jvm.options"
case "$ES_JAVA_OPTS" in *-XX:+Use*GC*) sed -i '/^-XX:+UseG1GC/d' "$ES_PATH_CONF/jvm.options" ;; esac
exec /usr/share/elasticsearch/bin/elasticsearch "$@"
