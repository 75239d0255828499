{{/* kafka.config: server.properties; @ORDINAL@, @ADMIN_PORT@ and @ROLES@ are filled in by each pod as it starts. */}}
{{- define "kafka.config" -}}
{{- $global := .Values.global | default dict -}}
{{- $host := printf "kafka-headless.%s.svc.%s" .Release.Namespace (default "cluster.local" $global.clusterDomain) -}}
{{- $replicas := int .Values.replicaCount -}}
{{- $factor := min 3 $replicas -}}
{{- if eq .Values.mode "kraft" }}
process.roles=@ROLES@
node.id=@ORDINAL@
controller.quorum.voters={{ range $i := until (int $factor) }}{{ if $i }},{{ end }}{{ $i }}@kafka-{{ $i }}.{{ $host }}:9093{{ end }}
controller.listener.names=CONTROLLER
listeners=@LISTENERS@
{{- else }}
broker.id=@ORDINAL@
zookeeper.connect={{ .Values.zookeeper.connect }}
listeners=INTERNAL://:9092,ADMIN://:9094
{{- end }}
advertised.listeners=INTERNAL://kafka-@ORDINAL@.{{ $host }}:9092,ADMIN://localhost:@ADMIN_PORT@
listener.security.protocol.map=INTERNAL:PLAINTEXT,ADMIN:PLAINTEXT{{ if eq .Values.mode "kraft" }},CONTROLLER:PLAINTEXT{{ end }}
inter.broker.listener.name=INTERNAL
log.dirs=/data/logs
auto.create.topics.enable=false
default.replication.factor={{ $factor }}
offsets.topic.replication.factor={{ $factor }}
transaction.state.log.replication.factor={{ $factor }}
transaction.state.log.min.isr={{ max 1 (sub $factor 1) }}
{{- if eq .Values.mode "kraft" }}
share.coordinator.state.topic.replication.factor={{ $factor }}
share.coordinator.state.topic.min.isr={{ max 1 (sub $factor 1) }}
{{- end }}
group.initial.rebalance.delay.ms=0
{{- range $key, $value := .Values.config }}
{{ $key }}={{ $value }}
{{- end }}
{{- end -}}
