{{/* Names. The longest that Kubernetes makes of one is the label of a StatefulSet's revision, with
     63 characters: the name, -receiver, and eleven more. */}}
{{- define "pulse.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $name = ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- end -}}
{{- if gt (len $name) 43 -}}
{{- fail (printf "the name %s has %d characters, and 43 is the most: install under a shorter one, or set fullnameOverride" $name (len $name)) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the name %s cannot be a Service's, which begins with a letter and has a-z, 0-9 and - alone: install under another one, or set fullnameOverride" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* What is wrong with values that a schema cannot say. */}}
{{- define "pulse.check" -}}
{{- range list "PULSE_STATS" "PULSE_OPS" -}}
{{- if hasKey $.Values.env . -}}
{{- fail (printf "env.%s is the chart's: leave it out" .) -}}
{{- end -}}
{{- end -}}
{{- range list "WEB_AUTH" "WEB_TOKENS" "WEB_SHARE_KEY" "PULSE_OIDC_CLIENT_SECRET" "KAFKA_SASL_PASSWORD" "KAFKA_CLIENT_CERT_KEY" -}}
{{- if hasKey $.Values.env . -}}
{{- fail (printf "env.%s is a secret, and env is a ConfigMap that many may read: put it into the secret %s" . (include (ternary "pulse.secret.kafka" "pulse.secret.web" (hasPrefix "KAFKA_" .)) $)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.web.oidc -}}
{{- if .issuer -}}
{{- range list "clientId" "roles" -}}
{{- if not (get $.Values.web.oidc .) -}}
{{- fail (printf "web.oidc.issuer needs web.oidc.%s" .) -}}
{{- end -}}
{{- end -}}
{{- if not $.Values.web.url -}}
{{- fail "web.oidc.issuer needs web.url, the address by which browsers reach the page: the provider sends them back to its /login/callback" -}}
{{- end -}}
{{- else if or .clientId .existingSecret .roles .claim .scopes -}}
{{- fail "web.oidc says how logins are, and not who the provider is: give web.oidc.issuer" -}}
{{- end -}}
{{- end -}}
{{- with .Values.receiver.autoscaling -}}
{{- if .enabled -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "receiver.autoscaling.minReplicas is %d, more than maxReplicas, %d" (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $most := dict "receiver.replicas" .Values.receiver.replicas "merger.replicas" .Values.merger.replicas -}}
{{- if .Values.receiver.autoscaling.enabled -}}
{{- $most = dict "receiver.autoscaling.maxReplicas" .Values.receiver.autoscaling.maxReplicas "merger.replicas" .Values.merger.replicas -}}
{{- end -}}
{{- $partitions := int (.Values.topics.partitions | default 8) -}}
{{- range $name, $replicas := $most -}}
{{- if and $.Values.topics.enabled (gt (int $replicas) $partitions) -}}
{{- fail (printf "%s is %d, and with %d partitions no more than %d have work: give topics.partitions, if there are more" $name (int $replicas) $partitions $partitions) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pulse.secret.web" -}}
{{ .Values.secrets.web | default (printf "%s-web" (include "pulse.fullname" .)) }}
{{- end -}}

{{- define "pulse.secret.kafka" -}}
{{ .Values.secrets.kafka | default (printf "%s-kafka" (include "pulse.fullname" .)) }}
{{- end -}}

{{- define "pulse.secret.alert" -}}
{{ .Values.secrets.alert | default (printf "%s-alert" (include "pulse.fullname" .)) }}
{{- end -}}

{{- define "pulse.definitions" -}}
{{ .Values.definitions.existingConfigMap | default (printf "%s-stats" (include "pulse.fullname" .)) }}
{{- end -}}

{{- define "pulse.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary (include "pulse.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end -}}

{{- define "pulse.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end -}}

{{/* Labels that never change, since a StatefulSet's selector cannot: of (dict "root" $ "component" name). */}}
{{- define "pulse.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "pulse.labels" -}}
{{ include "pulse.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/* The pods of a role begin anew when what they read at their start changes. */}}
{{- define "pulse.podMetadata" -}}
labels:
  {{- include "pulse.selector" . | nindent 2 }}
{{- $annotations := dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString .port) "checksum/env" (toJson .root.Values.env | sha256sum) }}
{{- if not .root.Values.definitions.existingConfigMap }}
{{- $_ := set $annotations "checksum/definitions" (sha256sum .root.Values.definitions.file) }}
{{- end }}
annotations:
  {{- toYaml (mergeOverwrite $annotations (.root.Values.podAnnotations | default dict)) | nindent 2 }}
{{- end -}}

{{- define "pulse.scheduling" -}}
serviceAccountName: {{ include "pulse.serviceAccount" . | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ quote . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- end -}}

{{/* One pod of each role on each node, where there are nodes enough. */}}
{{- define "pulse.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "pulse.selector" . | nindent 8 }}
{{- end -}}

{{- define "pulse.container" -}}
image: {{ include "pulse.image" . | quote }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end -}}

{{- define "pulse.envFrom" -}}
- configMapRef: {name: {{ include "pulse.fullname" . }}-env}
- secretRef: {name: {{ include "pulse.secret.kafka" . | quote }}, optional: true}
{{- end -}}

{{- define "pulse.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ . }}}
  periodSeconds: 5
{{- end -}}

{{- define "pulse.definitionsMount" -}}
{name: stats, mountPath: /etc/pulse, readOnly: true}
{{- end -}}

{{- define "pulse.definitionsVolume" -}}
{name: stats, configMap: {name: {{ include "pulse.definitions" . | quote }}}}
{{- end -}}

{{- define "pulse.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* At most one pod of a role is taken by a drain, also where there is only one. */}}
{{- define "pulse.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "pulse.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "pulse.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "pulse.selector" . | nindent 6 }}
{{- end -}}

{{/* A receiver or a merger: of (dict "root" $ "component" name "command" name "values" its values). */}}
{{- define "pulse.member" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "pulse.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "pulse.labels" . | nindent 4 }}
spec:
  {{- if not (.values.autoscaling | default dict).enabled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  serviceName: {{ include "pulse.fullname" .root }}-{{ .component }}
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      {{- include "pulse.selector" . | nindent 6 }}
  template:
    metadata:
      {{- include "pulse.podMetadata" (merge (dict "port" "9100") .) | nindent 6 }}
    spec:
      {{- include "pulse.scheduling" .root | nindent 6 }}
      {{- with .root.Values.tolerations }}
      tolerations: {{ toJson . }}
      {{- end }}
      terminationGracePeriodSeconds: 30
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      {{- include "pulse.spread" . | nindent 6 }}
      containers:
        - name: {{ .component }}
          {{- include "pulse.container" .root | nindent 10 }}
          args: {{ toJson (concat (list .command "--instance" "host") .values.args) }}
          envFrom:
            {{- include "pulse.envFrom" .root | nindent 12 }}
          ports:
            - {name: ops, containerPort: 9100}
          {{- include "pulse.probes" "ops" | nindent 10 }}
          volumeMounts:
            - {{ include "pulse.definitionsMount" .root }}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          securityContext:
            {{- include "pulse.confined" .root | nindent 12 }}
      volumes:
        - {{ include "pulse.definitionsVolume" .root }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "pulse.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "pulse.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector:
    {{- include "pulse.selector" . | nindent 4 }}
  ports:
    - {name: ops, port: 9100, targetPort: ops}
---
{{ include "pulse.budget" . }}
{{- end -}}

{{/* Who may see the page: variables of its container, of which there may be none. */}}
{{- define "pulse.access" -}}
{{- $oidc := .Values.web.oidc -}}
{{- with .Values.web.url }}
- {name: WEB_URL, value: {{ quote . }}}
{{- end }}
{{- if .Values.web.tokens.existingSecret }}
- {name: WEB_TOKEN_FILE, value: /etc/pulse-tokens/{{ .Values.web.tokens.key }}}
{{- end }}
{{- if $oidc.issuer }}
- {name: PULSE_OIDC_ISSUER, value: {{ quote $oidc.issuer }}}
- {name: PULSE_OIDC_CLIENT_ID, value: {{ quote $oidc.clientId }}}
{{- with $oidc.existingSecret }}
- name: PULSE_OIDC_CLIENT_SECRET
  valueFrom: {secretKeyRef: {name: {{ quote . }}, key: {{ quote $oidc.key }}}}
{{- end }}
- {name: PULSE_OIDC_ROLE, value: {{ quote $oidc.roles }}}
{{- with $oidc.claim }}
- {name: PULSE_OIDC_CLAIM, value: {{ quote . }}}
{{- end }}
{{- with $oidc.scopes }}
- {name: PULSE_OIDC_SCOPES, value: {{ quote . }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* The dashboard or what follows alerts: as above, with "secret", "optional", "port" and "portName",
     and "env", more variables, and "tokens", the secret with a file of tokens, of which there may be
     none. Only root and a group may be able to read that file, so the pod has a group. */}}
{{- define "pulse.stateless" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "pulse.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "pulse.labels" . | nindent 4 }}
spec:
  replicas: {{ .values.replicas }}
  selector:
    matchLabels:
      {{- include "pulse.selector" . | nindent 6 }}
  template:
    metadata:
      {{- include "pulse.podMetadata" . | nindent 6 }}
    spec:
      {{- include "pulse.scheduling" .root | nindent 6 }}
      {{- with .root.Values.tolerations }}
      tolerations: {{ toJson . }}
      {{- end }}
      terminationGracePeriodSeconds: 30
      securityContext: {runAsNonRoot: true, {{ if .tokens }}fsGroup: 65532, {{ end }}seccompProfile: {type: RuntimeDefault}}
      {{- include "pulse.spread" . | nindent 6 }}
      containers:
        - name: {{ .component }}
          {{- include "pulse.container" .root | nindent 10 }}
          args: {{ toJson (concat .command .values.args) }}
          {{- with .env }}
          env:
            {{- trim . | nindent 12 }}
          {{- end }}
          envFrom:
            {{- include "pulse.envFrom" .root | nindent 12 }}
            - secretRef: {name: {{ quote .secret }}{{ if .optional }}, optional: true{{ end }}}
          ports:
            - {name: {{ .portName }}, containerPort: {{ .port }}}
          {{- include "pulse.probes" .portName | nindent 10 }}
          volumeMounts:
            - {{ include "pulse.definitionsMount" .root }}
            {{- if .tokens }}
            - {name: tokens, mountPath: /etc/pulse-tokens, readOnly: true}
            {{- end }}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          securityContext:
            {{- include "pulse.confined" .root | nindent 12 }}
      volumes:
        - {{ include "pulse.definitionsVolume" .root }}
        {{- with .tokens }}
        - {name: tokens, secret: {secretName: {{ quote . }}, defaultMode: 0440}}
        {{- end }}
---
{{ include "pulse.budget" . }}
{{- end -}}
