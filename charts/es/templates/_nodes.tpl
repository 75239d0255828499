{{/* es.masters: the names of all nodes, with commas between them. */}}
{{- define "es.masters" -}}
{{- range $i := until (int .Values.replicaCount) }}{{ if $i }},{{ end }}es-{{ $i }}{{ end -}}
{{- end -}}
