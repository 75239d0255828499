#!/bin/sh
# kafka.sh broker|mirror|zookeeper FILE, or kafka.sh topics|console-producer|console-consumer|groups ARGS...
set -e
options="-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir=/tmp -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties"
java() { exec /usr/bin/java $options ${KAFKA_HEAP:--Xmx384m} -cp '/opt/kafka/libs/*' "$@"; }
what=${1:?usage: kafka.sh broker|mirror|zookeeper|topics|console-producer|console-consumer|groups ...}
shift
case $what in
  broker)
    if ! grep -q '^zookeeper.connect=' "$1"; then
      (java kafka.tools.StorageTool format --ignore-formatted --cluster-id "${CLUSTER_ID:?}" --config "$1" >/tmp/format.log) ||
        { cat /tmp/format.log >&2; exit 1; }
    fi
    java kafka.Kafka "$1" ;;
  mirror) java org.apache.kafka.connect.mirror.MirrorMaker "$1" ;;
  zookeeper) java org.apache.zookeeper.server.quorum.QuorumPeerMain "$1" ;;
  topics) java org.apache.kafka.tools.TopicCommand "$@" ;;
  groups) java org.apache.kafka.tools.consumer.group.ConsumerGroupCommand "$@" ;;
  console-producer) java org.apache.kafka.tools.ConsoleProducer "$@" ;;
  console-consumer) java org.apache.kafka.tools.consumer.ConsoleConsumer "$@" ;;
  *) java "$what" "$@" ;;
esac
