{{/*
brickhelper.deployment: one Deployment of an HTTP service. Call with dict "root" $ "env" <further env entries as a list>
The text of brickhelper.env is written as it is: Helm's toYaml loses whole lists with U+007F in them, and turns U+0085 into a blank.
*/}}
{{- define "brickhelper.deployment" -}}
{{- $root := .root -}}
{{- $env := concat (fromYamlArray (include "brickhelper.env" $root)) .env -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "brickhelper.name" $root | quote }}
  labels: {{- include "brickhelper.labels" $root | nindent 4 }}
spec:
  replicas: {{ int $root.Values.replicaCount }}
  revisionHistoryLimit: 3
  selector:
    matchLabels: {{- include "brickhelper.selector" $root | nindent 6 }}
  template:
    metadata:
      labels: {{- include "brickhelper.labels" $root | nindent 8 }}
      annotations: {{- include "brickhelper.podAnnotations" (dict "root" $root "config" "" "env" $env) | nindent 8 }}
    spec:
      {{- include "brickhelper.podSecurity" (dict "uid" nil) | nindent 6 }}
      {{- include "imagehelper.pullSecrets" $root | nindent 6 }}
      {{- include "brickhelper.placement" $root | nindent 6 }}
      terminationGracePeriodSeconds: 10
      containers:
        - name: {{ include "brickhelper.name" $root | quote }}
          image: {{ include "imagehelper.image" (dict "image" $root.Values.image "root" $root) | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy | quote }}
          {{- include "brickhelper.containerSecurity" $root | nindent 10 }}
          ports:
            - name: http
              containerPort: 8080
          env: {{- include "brickhelper.env" $root | nindent 12 }}
          {{- with .env }}{{ toYaml . | nindent 12 }}{{ end }}
          {{- include "brickhelper.httpProbes" $root | nindent 10 }}
          resources: {{- toYaml $root.Values.resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: tmp
          emptyDir: {}
{{- end -}}

{{- define "brickhelper.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "brickhelper.name" . | quote }}
  labels: {{- include "brickhelper.labels" . | nindent 4 }}
spec:
  {{- if .Values.service.nodePort }}
  type: NodePort
  {{- end }}
  selector: {{- include "brickhelper.selector" . | nindent 4 }}
  ports:
    - {name: http, port: {{ int .Values.service.port }}, targetPort: http{{ with .Values.service.nodePort }}, nodePort: {{ int . }}{{ end }}}
{{- end -}}

{{- define "brickhelper.ingress" -}}
{{- if .Values.ingress.enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "brickhelper.name" . | quote }}
  labels: {{- include "brickhelper.labels" . | nindent 4 }}
  {{- with .Values.ingress.annotations }}
  annotations: {{- include "brickhelper.texts" . | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.ingress.className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  {{- with .Values.ingress.tls }}
  tls: {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range .Values.ingress.hosts }}
    - host: {{ .host | quote }}
      http:
        paths:
          {{- range .paths | default (list (dict "path" "/" "pathType" "Prefix")) }}
          - path: {{ .path | quote }}
            pathType: {{ .pathType | quote }}
            backend:
              service:
                name: {{ include "brickhelper.name" $ | quote }}
                port: {name: http}
          {{- end }}
    {{- end }}
{{- end }}
{{- end -}}

{{/* brickhelper.guards: a PodDisruptionBudget and a NetworkPolicy where the values ask for them. */}}
{{- define "brickhelper.guards" -}}
{{- if .Values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "brickhelper.name" . | quote }}
  labels: {{- include "brickhelper.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "brickhelper.selector" . | nindent 6 }}
{{- end }}
{{- if .Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "brickhelper.name" . | quote }}
  labels: {{- include "brickhelper.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "brickhelper.selector" . | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector: {}
        {{- with .Values.networkPolicy.from }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}
{{- end -}}

{{/* brickhelper.claim: a volume claim of a StatefulSet; such claims outlive the release. Call with the values' persistence. */}}
{{- define "brickhelper.claim" -}}
- metadata:
    name: data
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .storageClass }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources:
      requests:
        storage: {{ .size | quote }}
{{- end -}}
