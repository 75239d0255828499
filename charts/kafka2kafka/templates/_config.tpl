{{/*
kafka2kafka.config: mm2.properties of one complexe. Names are kept (identity), so what is copied must never be copied back: the
program refuses a pattern that matches both ways. Topics are made and configured by the program, so the mirror touches neither.
*/}}
{{- define "kafka2kafka.config" -}}
{{- $name := .complexe.name -}}
{{- $factor := .complexe.replicationFactor | default 1 -}}
clusters = central, {{ $name }}
central.bootstrap.servers = {{ .root.Values.central.bootstrapServers }}
{{ $name }}.bootstrap.servers = {{ .complexe.bootstrapServers }}
replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy
central->{{ $name }}.enabled = {{ not (empty .complexe.topics.ctrl2cplx) }}
central->{{ $name }}.topics = {{ join "," .complexe.topics.ctrl2cplx }}
{{ $name }}->central.enabled = {{ not (empty .complexe.topics.cplx2ctrl) }}
{{ $name }}->central.topics = {{ join "," .complexe.topics.cplx2ctrl }}
groups =
sync.topic.configs.enabled = false
sync.topic.acls.enabled = false
sync.group.offsets.enabled = false
emit.checkpoints.enabled = false
emit.heartbeats.enabled = false
refresh.topics.interval.seconds = {{ .root.Values.refreshTopicsSeconds }}
refresh.groups.enabled = false
{{- range $target, $replication := dict "central" .root.Values.central.replicationFactor $name $factor }}
{{ $target }}.replication.factor = {{ $replication }}
{{ $target }}.offset.storage.replication.factor = {{ $replication }}
{{ $target }}.status.storage.replication.factor = {{ $replication }}
{{ $target }}.config.storage.replication.factor = {{ $replication }}
{{- end }}
central->{{ $name }}.replication.factor = {{ $factor }}
{{ $name }}->central.replication.factor = {{ .root.Values.central.replicationFactor }}
central->{{ $name }}.offset-syncs.topic.replication.factor = {{ .root.Values.central.replicationFactor }}
{{ $name }}->central.offset-syncs.topic.replication.factor = {{ $factor }}
checkpoints.topic.replication.factor = {{ min $factor .root.Values.central.replicationFactor }}
heartbeats.topic.replication.factor = {{ min $factor .root.Values.central.replicationFactor }}
offset-syncs.topic.replication.factor = {{ min $factor .root.Values.central.replicationFactor }}
offset.storage.partitions = 1
status.storage.partitions = 1
scheduled.rebalance.max.delay.ms = 5000
{{- $logins := dict "central" .root.Values.central.login $name .complexe.login }}
{{- range $side, $login := $logins }}
{{- if $login }}
# password revision {{ $login.passwordRevision }}
{{ $side }}.security.protocol = SASL_PLAINTEXT
{{ $side }}.sasl.mechanism = ${dir:/etc/login/{{ $side }}:mechanism}
{{ $side }}.sasl.jaas.config = org.apache.kafka.common.security.scram.ScramLoginModule required username="${dir:/etc/login/{{ $side }}:username}" password="${dir:/etc/login/{{ $side }}:password}";
{{- end }}
{{- end }}
{{- if or .root.Values.central.login .complexe.login }}
config.providers = dir
config.providers.dir.class = org.apache.kafka.common.config.provider.DirectoryConfigProvider
config.providers.dir.param.allowed.paths = /etc/login
{{- end }}
{{- end -}}

{{/* kafka2kafka.sides: for mirror.sh, a line for each side: name, whether every broker is among its servers, the servers. */}}
{{- define "kafka2kafka.sides" -}}
{{- range $name, $side := . }}
{{ $name }} {{ ternary "all" "some" (not (empty $side.brokers)) }}{{ range concat (splitList "," $side.bootstrapServers) ($side.brokers | default list) }} {{ trim . }}{{ end }}
{{- end }}
{{- end -}}
