{{/* The settings, as variables. */}}
{{- define "leat.config" -}}
{{- $directory := "/etc/leat/nats/" }}
PIPELINE: {{ .Values.pipeline.file | quote }}
NATS_URL: {{ include "leat.natsUrl" . | quote }}
{{- with .Values.nats.credentials }}
{{- range $variable, $entry := dict "NATS_CREDS" .creds "NATS_NKEY" .nkey "NATS_CA" .ca "NATS_CERT" .cert "NATS_KEY" .key }}
{{- if $entry }}
{{ $variable }}: {{ print $directory $entry | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.nats.signing }}
{{- if .secret }}
{{- $keys := list }}
{{- range .keys }}
{{- $keys = append $keys (printf "%s:/etc/leat/signing/%s" . .) }}
{{- end }}
LEAT_SIGNING_KEY: {{ join "," $keys | quote }}
{{- end }}
{{- end }}
LEAT_STREAM_REPLICAS: {{ .Values.nats.streamReplication | quote }}
LEAT_QUEUE_MAX_CHUNKS: {{ int64 .Values.queues.maxChunks | quote }}
LEAT_QUEUE_MAX_BYTES: {{ int64 .Values.queues.maxBytes | quote }}
LEAT_ACK_WAIT_MS: {{ int64 .Values.queues.ackWaitMs | quote }}
LEAT_LOG_FORMAT: {{ .Values.logs.format | quote }}
LEAT_LOG_LEVEL: {{ .Values.logs.level | quote }}
LEAT_HTTP_PORT: "8080"
{{- with .Values.tracing.otlpEndpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
{{- end }}
# Shorter than the pods' grace period, so that what is in hand is given back before the end.
LEAT_STOP_GRACE_MS: {{ mul (sub .Values.terminationGracePeriodSeconds 5) 1000 | quote }}
{{- end }}
