{{/* es.masters: the names of all nodes, with commas between them. */}}
{{- define "es.masters" -}}
{{- range $i := until (int .Values.replicaCount) }}{{ if $i }},{{ end }}es-{{ $i }}{{ end -}}
{{- end -}}

{{/* es.settings: the chart's own settings. `config` of the values has the last word; Elasticsearch refuses one that is given twice. */}}
{{- define "es.settings" -}}
- {name: cluster.name, value: {{ .Release.Namespace | quote }}}
- {name: node.name, value: $(POD_NAME)}
- {name: network.host, value: 0.0.0.0}
- {name: network.publish_host, value: $(POD_IP)}
- {name: path.data, value: /data}
- {name: path.logs, value: /tmp/logs}
- {name: node.store.allow_mmap, value: "false"}  # no vm.max_map_count on the node needed
- {name: xpack.security.enabled, value: "false"}
- {name: action.auto_create_index, value: "false"}
{{- if eq (int .Values.replicaCount) 1 }}
- {name: discovery.type, value: single-node}
{{- else }}
- {name: discovery.seed_hosts, value: es-headless}
- {name: cluster.initial_master_nodes, value: {{ include "es.masters" . | quote }}}
{{- end }}
{{- end -}}
