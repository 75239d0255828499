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
listeners=INTERNAL://:9092,ADMIN://127.0.0.1:9094
{{- end }}
advertised.listeners=INTERNAL://kafka-@ORDINAL@.{{ $host }}:9092,ADMIN://{{ .Values.admin.host | default "localhost" }}:@ADMIN_PORT@
{{- $protocol := ternary "SASL_PLAINTEXT" "PLAINTEXT" .Values.authorization.enabled }}
listener.security.protocol.map=INTERNAL:{{ $protocol }},ADMIN:{{ $protocol }}{{ if eq .Values.mode "kraft" }},CONTROLLER:{{ $protocol }}{{ end }}
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
{{- if .Values.authorization.enabled }}
{{- include "kafka.authorization" . }}
{{- end }}
{{- range $key, $value := .Values.config }}
{{ $key }}={{ $value }}
{{- end }}
{{- end -}}

{{/*
kafka.authorization: who a client is, and what it may do (docs/adr/0013, 0062). What Secret kafka-brokers holds brokers read from
its volume. On INTERNAL everybody logs in by SCRAM, brokers too. PLAIN, which works before there is any user, is for ADMIN, which
the pod's loopback alone reaches, and for controllers, who cannot know of a SCRAM user before they have a leader (KIP-900).
*/}}
{{- define "kafka.authorization" }}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=${dir:/etc/kafka-brokers:super-users}
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.internal.sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256
listener.name.admin.sasl.enabled.mechanisms=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
{{- range list "admin" "controller" }}
listener.name.{{ . }}.plain.sasl.jaas.config=${dir:/etc/kafka-brokers:jaas}
{{- end }}
listener.name.internal.scram-sha-512.sasl.jaas.config=${dir:/etc/kafka-brokers:scram}
listener.name.internal.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
{{- include "kafka.secrets" . }}
# renewals of the passwords restart the brokers: {{ dig "kafka" "passwordRevision" 1 (.Values.global | default dict) }}
{{- end -}}

{{/* kafka.secrets: lets ${dir:/etc/kafka-brokers:KEY} stand for a key of Secret kafka-brokers. */}}
{{- define "kafka.secrets" }}
config.providers=dir
config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider
config.providers.dir.param.allowed.paths=/etc/kafka-brokers
{{- end -}}
