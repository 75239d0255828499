{{/*
docker-registry.config: the configuration of one instance. Call with dict "root" $ "port" <number> "readonly" <bool>
"logins" <key of the Secret>. Two instances share one storage: the one that is read-only removes nothing from it either.
*/}}
{{- define "docker-registry.config" -}}
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: /data}
  cache: {blobdescriptor: inmemory}
  delete: {enabled: {{ toJson (and .root.Values.delete.enabled (not .readonly)) }}}
  {{- if .readonly }}
  maintenance: {readonly: {enabled: true}, uploadpurging: {enabled: false}}
  {{- end }}
http: {addr: {{ printf ":%d" .port | quote }}}
{{- if .root.Values.htpasswdSecret }}
auth: {htpasswd: {realm: registry, path: {{ printf "/etc/registry-auth/%s" .logins | quote }}}}
{{- end }}
{{- end -}}

{{/* docker-registry.container: one instance. Call with dict "root" $ "name" <container> "config" <file> "port" <name and number> */}}
{{- define "docker-registry.container" -}}
- name: {{ .name | quote }}
  image: {{ include "imagehelper.image" (dict "image" .root.Values.image "root" .root) | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy | quote }}
  {{- include "brickhelper.containerSecurity" .root | nindent 2 }}
  resources: {{- toYaml .root.Values.resources | nindent 4 }}
  args: [serve, {{ printf "/etc/registry/%s" .config | quote }}]
  ports:
    - {name: {{ .port.name | quote }}, containerPort: {{ int .port.number }}}
  startupProbe: {tcpSocket: {port: {{ .port.name | quote }}}, periodSeconds: 2, failureThreshold: 30}
  livenessProbe: {tcpSocket: {port: {{ .port.name | quote }}}, periodSeconds: 15}
  readinessProbe: {httpGet: {path: /, port: {{ .port.name | quote }}}, periodSeconds: 3}
  volumeMounts:
    - {name: data, mountPath: /data}
    - {name: config, mountPath: /etc/registry, readOnly: true}
    {{- if .root.Values.htpasswdSecret }}
    - {name: {{ .logins | quote }}, mountPath: /etc/registry-auth, readOnly: true}
    {{- end }}
{{- end -}}

{{/* docker-registry.logins: a volume with one key of the Secret, so that each instance sees its own users alone. */}}
{{- define "docker-registry.logins" -}}
- name: {{ .name | quote }}
  secret:
    secretName: {{ .root.Values.htpasswdSecret | quote }}
    items: [{key: {{ .key | quote }}, path: {{ .key | quote }}}]
{{- end -}}
