{{/*
imagehelper.image: repository/name:tag, or repository/name@digest where a digest is given.
global.repository overrides the repository of every chart. Call: include "imagehelper.image" (dict "image" .Values.image "root" $)
*/}}
{{- define "imagehelper.image" -}}
{{- $global := .root.Values.global | default dict -}}
{{- $repository := $global.repository | default .image.repository -}}
{{- if .image.digest -}}
{{- printf "%s/%s@%s" $repository .image.name .image.digest -}}
{{- else -}}
{{- printf "%s/%s:%s" $repository .image.name (required (printf "%s: image.tag or image.digest is required" .image.name) .image.tag) -}}
{{- end -}}
{{- end -}}

{{/* imagehelper.pullSecrets: imagePullSecrets of a pod spec, from global.imagePullSecrets (names). */}}
{{- define "imagehelper.pullSecrets" -}}
{{- $global := .Values.global | default dict -}}
{{- with $global.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}
