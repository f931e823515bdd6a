{{/* One Deployment. Takes root, role, name (the Deployment's, after the release's), stage (or none), replicas (or none), resources. */}}
{{- define "leat.deployment" -}}
{{- $ := .root }}
{{- /* Without savers of their own, mappers write: all savers are inline. */}}
{{- $writers := eq (int $.Values.saver.replicas) 0 | ternary (list "fetcher" "mapper") (list "fetcher" "saver") }}
{{- $hasData := and $.Values.data.enabled (has .role $writers) }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "leat.fullname" $ }}-{{ .name }}
  labels:
    {{- include "leat.labels" $ | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  {{- if not (kindIs "invalid" .replicas) }}
  replicas: {{ .replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "leat.selector" $ | nindent 6 }}
      app.kubernetes.io/component: {{ .role }}
      {{- with .stage }}
      leat/stage: {{ . }}
      {{- end }}
  template:
    metadata:
      annotations:
        # A change of the settings rolls the pods.
        checksum/config: {{ include "leat.config" $ | sha256sum }}
      labels:
        {{- include "leat.selector" $ | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
        {{- with .stage }}
        leat/stage: {{ . }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "leat.fullname" $ }}-{{ .role }}
      automountServiceAccountToken: false
      {{- with $.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      # From SIGTERM on: what is in hand is finished, or given back after LEAT_STOP_GRACE_MS.
      terminationGracePeriodSeconds: {{ $.Values.terminationGracePeriodSeconds }}
      securityContext:
        {{- include "leat.podSecurity" $ | nindent 8 }}
      affinity:
        {{- if $hasData }}
        # Where one of them is, the others go: the volume can be mounted on one node.
        podAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: leat
                  app.kubernetes.io/instance: {{ $.Release.Name }}
                matchExpressions:
                  - key: app.kubernetes.io/component
                    operator: In
                    values: {{ toJson $writers }}
        {{- end }}
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    {{- include "leat.selector" $ | nindent 20 }}
                matchLabelKeys: [app.kubernetes.io/component]
      containers:
        - name: leat
          image: {{ printf "%s:%s" $.Values.image.repository ($.Values.image.tag | default $.Chart.AppVersion) }}
          imagePullPolicy: {{ $.Values.image.pullPolicy }}
          args:
            - {{ .role }}
            - $(PIPELINE)
            {{- with .stage }}
            - --stage={{ . }}
            {{- end }}
          envFrom:
            - configMapRef:
                name: {{ include "leat.fullname" $ }}
            {{- with $.Values.secret }}
            - secretRef:
                name: {{ . }}
            {{- end }}
          ports:
            - name: http
              containerPort: 8080
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 5
          # Patient: a function that keeps the thread busy for a minute is at work, and not dead.
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 20
            timeoutSeconds: 5
            failureThreshold: 15
          resources:
            {{- toYaml .resources | nindent 12 }}
          securityContext:
            {{- include "leat.containerSecurity" $ | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- if $.Values.nats.credentials.secret }}
            - name: nats
              mountPath: /etc/leat/nats
              readOnly: true
            {{- end }}
            {{- if $.Values.nats.signing.secret }}
            - name: signing
              mountPath: /etc/leat/signing
              readOnly: true
            {{- end }}
            {{- if $hasData }}
            - name: data
              mountPath: /data
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {}
        {{- with $.Values.nats.credentials.secret }}
        - name: nats
          secret:
            secretName: {{ . }}
            defaultMode: 288
        {{- end }}
        {{- with $.Values.nats.signing.secret }}
        - name: signing
          secret:
            secretName: {{ . }}
            defaultMode: 288
        {{- end }}
        {{- if $hasData }}
        - name: data
          persistentVolumeClaim:
            claimName: {{ include "leat.fullname" $ }}-data
        {{- end }}
{{- end }}
