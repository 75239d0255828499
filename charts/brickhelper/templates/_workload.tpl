{{/* brickhelper.name: the alias in the umbrella, or the chart's own name: fixed, since a site has a namespace of its own. */}}
{{- define "brickhelper.name" -}}
{{- .Chart.Name -}}
{{- end -}}

{{- define "brickhelper.selector" -}}
app.kubernetes.io/name: {{ include "brickhelper.name" . | quote }}
{{- end -}}

{{- define "brickhelper.labels" -}}
{{ include "brickhelper.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{/* brickhelper.texts: a map of texts. Helm's toYaml writes nothing at all where one has U+007F, and turns U+0085 into a blank. */}}
{{- define "brickhelper.texts" -}}
{{- range $key, $text := . }}
{{ $key | quote }}: {{ $text | quote }}
{{- else }}{}
{{- end }}
{{- end -}}

{{/*
brickhelper.podAnnotations: another text where anything is another that the pod reads as it starts, so that it restarts, and
only then: the keys of cineges-config and of cineges-secret that `env` names (global.configRevisions and secretRevisions have a
revision of each), the Kafka password of a brick that has one, the chart's own configuration.
Call with dict "root" $ "config" <text or ""> and, where there are any, "env" <the container's variables, a list> and
"files" <keys of a Secret that it reads from a volume, a list>.
*/}}
{{- define "brickhelper.podAnnotations" -}}
{{- $global := .root.Values.global | default dict -}}
{{- $ofConfig := $global.configRevisions | default dict -}}
{{- $ofSecret := $global.secretRevisions | default dict -}}
{{- $config := dict -}}
{{- $secret := dict -}}
{{- range .env -}}
{{- $from := .valueFrom | default dict -}}
{{- with $from.configMapKeyRef -}}
{{- if eq .name "cineges-config" }}{{ $_ := set $config .key (get $ofConfig .key) }}{{ end -}}
{{- end -}}
{{- with $from.secretKeyRef -}}
{{- if eq .name "cineges-secret" }}{{ $_ := set $secret .key (get $ofSecret .key) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range .files }}{{ $_ := set $secret . (get $ofSecret .) }}{{ end -}}
checksum/config: {{ printf "%s %s" (toJson $config) .config | sha256sum | trunc 16 | quote }}
checksum/secret: {{ toJson $secret | sha256sum | trunc 16 | quote }}
{{- if include "brickhelper.hasLogin" .root }}
checksum/kafka-login: {{ dig "kafka" "passwordRevision" 1 $global | toString | quote }}
{{- end }}
{{- with .root.Values.podAnnotations }}
{{ include "brickhelper.texts" . }}
{{- end }}
{{- end -}}

{{/* Pod Security "restricted": https://kubernetes.io/docs/concepts/security/pod-security-standards/ */}}
{{- define "brickhelper.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  {{- with .uid }}
  runAsUser: {{ int . }}
  runAsGroup: {{ int . }}
  fsGroup: {{ int . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
automountServiceAccountToken: false
enableServiceLinks: false
{{- end -}}

{{- define "brickhelper.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- define "brickhelper.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* brickhelper.hasLogin: not empty where the site's Kafka asks for a login and the brick has one, in Secret kafka-<brick>. */}}
{{- define "brickhelper.hasLogin" -}}
{{- if has (include "brickhelper.name" .) (dig "kafka" "users" list (.Values.global | default dict)) }}yes{{ end -}}
{{- end -}}

{{/* brickhelper.env: name, servers and Kafka login of the site, then plain values, then keys of cineges-config and cineges-secret. */}}
{{- define "brickhelper.env" -}}
{{- $global := .Values.global | default dict -}}
- name: BRICK_NAME
  value: {{ include "brickhelper.name" . | quote }}
- name: KAFKA_BOOTSTRAP_SERVERS
  value: {{ dig "kafka" "bootstrapServers" "kafka:9092" $global | quote }}
- name: ELASTICSEARCH_URL
  value: {{ dig "elasticsearch" "url" "http://es:9200" $global | quote }}
{{- if include "brickhelper.hasLogin" . }}
- name: KAFKA_SECURITY_PROTOCOL
  value: SASL_PLAINTEXT
{{- range $name, $key := dict "KAFKA_SASL_MECHANISM" "mechanism" "KAFKA_SASL_USERNAME" "username" "KAFKA_SASL_PASSWORD" "password" }}
- name: {{ $name | quote }}
  valueFrom:
    secretKeyRef: {name: {{ printf "kafka-%s" (include "brickhelper.name" $) | quote }}, key: {{ $key | quote }}}
{{- end }}
{{- end }}
{{- range $name, $value := .Values.env }}
- name: {{ $name | quote }}
  value: {{ $value | quote }}
{{- end }}
{{- range $name, $key := .Values.envFromConfig }}
- name: {{ $name | quote }}
  valueFrom:
    configMapKeyRef: {name: cineges-config, key: {{ $key | quote }}}
{{- end }}
{{- range $name, $key := .Values.envFromSecret }}
- name: {{ $name | quote }}
  valueFrom:
    secretKeyRef: {name: cineges-secret, key: {{ $key | quote }}}
{{- end }}
{{- end -}}

{{/* brickhelper.httpProbes: health and readiness over HTTP; `probes` of the values replaces one as a whole. */}}
{{- define "brickhelper.httpProbes" -}}
{{- $probes := .Values.probes | default dict -}}
startupProbe:
  {{- toYaml ($probes.startup | default (dict "httpGet" (dict "path" "/health" "port" "http") "periodSeconds" 2 "failureThreshold" 60)) | nindent 2 }}
livenessProbe:
  {{- toYaml ($probes.liveness | default (dict "httpGet" (dict "path" "/health" "port" "http") "periodSeconds" 15 "timeoutSeconds" 3 "failureThreshold" 4)) | nindent 2 }}
readinessProbe:
  {{- toYaml ($probes.readiness | default (dict "httpGet" (dict "path" "/ready" "port" "http") "periodSeconds" 3 "timeoutSeconds" 3)) | nindent 2 }}
{{- end -}}
