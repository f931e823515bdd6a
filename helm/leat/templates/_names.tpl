{{/* What every name begins with: the release's, which says leat already or gets it. */}}
{{- define "leat.fullname" -}}
{{- if contains "leat" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-leat" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* What pods are found by. */}}
{{- define "leat.selector" -}}
app.kubernetes.io/name: leat
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "leat.labels" -}}
{{ include "leat.selector" . }}
app.kubernetes.io/part-of: leat
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "leat.natsUrl" -}}
{{- if .Values.nats.external.enabled -}}
{{ ternary "tls" "nats" .Values.nats.external.tls }}://{{ .Values.nats.external.host }}:{{ .Values.nats.external.port }}
{{- else -}}
nats://{{ include "leat.fullname" . }}-nats:4222
{{- end }}
{{- end }}

{{/* As strict as Kubernetes has it: fit for namespaces that enforce the level "restricted". */}}
{{- define "leat.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "leat.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
