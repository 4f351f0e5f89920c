{{- define "shardcast.workers.memberEnv" -}}
{{- $workers := .Values.workers -}}
{{- $port := ternary $workers.application.port $workers.port (eq $workers.kind "sidecar") -}}
# Who this member is: accounts-2 is member 2.
- name: SHARDCAST_MEMBER
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- if ne $workers.kind "sidecar" }}
# A container that restarts in its pod knows that its predecessor is dead, and does not wait for its lease (C2). A sidecar can not
# know that: the application beside it may still work on what its predecessor has brought.
- name: SHARDCAST_POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
{{- end }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
# Where the directory says that it can be called.
- name: SHARDCAST_URL
  value: {{ default (printf "http://$(POD_IP):%d" (int $port)) $workers.url }}
- name: SHARDCAST_SERVICE
  value: {{ $workers.service }}
- name: SHARDCAST_LANES
  value: {{ $workers.lanes | quote }}
# Of the first map only; the planner's maps follow spec.replicas.
- name: SHARDCAST_REPLICAS
  value: {{ $workers.initialReplicas | quote }}
{{- if $workers.ordinals.start }}
- name: SHARDCAST_ORDINAL_START
  value: {{ $workers.ordinals.start | quote }}
{{- end }}
- name: SHARDCAST_GRACE_MS
  value: {{ $workers.graceMs | int64 | quote }}
- name: SHARDCAST_LOST_AFTER_MS
  value: {{ .Values.shared.reassignAfterMs | int64 | quote }}
- name: SHARDCAST_RESULT_RETENTION_MS
  value: {{ .Values.shared.resultRetentionMs | int64 | quote }}
- name: SHARDCAST_BROADCAST_RETENTION_MS
  value: {{ .Values.shared.broadcastRetentionMs | int64 | quote }}
{{ include "shardcast.kafkaEnv" . }}
{{- end }}

{{- /* The process that has the lanes: a worker of the SDK, or the sidecar. */ -}}
{{- define "shardcast.workers.member" -}}
{{- $workers := .Values.workers -}}
{{- $sidecar := eq $workers.kind "sidecar" -}}
- name: {{ ternary "sidecar" "worker" $sidecar }}
  image: {{ include "shardcast.image" (dict "root" . "image" (ternary $workers.sidecar.image $workers.image $sidecar)) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  env:
    {{- include "shardcast.workers.memberEnv" . | nindent 4 }}
    {{- if $sidecar }}
    {{- $url := include "shardcast.workers.applicationUrl" . }}
    - name: SHARDCAST_APP_URL
      value: {{ $url }}
    - name: SHARDCAST_APP_HEALTH_URL
      value: {{ $url }}{{ $workers.application.healthPath }}
    - name: SHARDCAST_HEALTH_HOST
      value: {{ $workers.host }}
    - name: SHARDCAST_HEALTH_PORT
      value: {{ $workers.sidecar.healthPort | quote }}
    {{- else if eq $workers.kind "accounts" }}
    - name: ACCOUNTS_HOST
      value: {{ $workers.host }}
    - name: ACCOUNTS_HEALTH_PORT
      value: {{ $workers.port | quote }}
    - name: ACCOUNTS_DIR
      value: {{ $workers.data.mountPath }}
    {{- end }}
    {{- with $workers.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - name: {{ ternary "health" "http" $sidecar }}
      containerPort: {{ ternary $workers.sidecar.healthPort $workers.port $sidecar }}
  livenessProbe:
    httpGet: { path: /healthz, port: {{ ternary "health" "http" $sidecar }} }
    {{- toYaml $workers.livenessProbe | nindent 4 }}
  readinessProbe:
    # It has its lanes: a roll-out goes on to the next pod only then.
    httpGet: { path: /readyz, port: {{ ternary "health" "http" $sidecar }} }
    {{- toYaml $workers.readinessProbe | nindent 4 }}
  resources:
    {{- toYaml (ternary $workers.sidecar.resources $workers.resources $sidecar) | nindent 4 }}
  securityContext:
    {{- include "shardcast.containerSecurity" . | nindent 4 }}
  volumeMounts:
    - name: tmp
      mountPath: /tmp
    {{- if not $sidecar }}
    {{- include "shardcast.workers.dataMount" . | nindent 4 }}
    {{- end }}
    {{- include "shardcast.kafkaMounts" . | nindent 4 }}
{{- end }}

{{- define "shardcast.workers.applicationUrl" -}}
{{- default (printf "http://127.0.0.1:%d" (int .Values.workers.application.port)) .Values.workers.application.url -}}
{{- end }}

{{- /* An application in any language; it knows HTTP and nothing of Kafka. */ -}}
{{- define "shardcast.workers.application" -}}
{{- $application := .Values.workers.application -}}
- name: application
  image: {{ printf "%s:%s" $application.image.repository $application.image.tag }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if $application.native }}
  # Begins before the sidecar, which is the pod's main container, and ends after it: what the sidecar still brings is answered.
  restartPolicy: Always
  {{- else }}
  lifecycle:
    preStop:
      # Both containers are told to end at once: this one waits until the sidecar says that it has brought what it took.
      httpGet:
        path: /drained
        port: {{ .Values.workers.sidecar.healthPort }}
  {{- end }}
  {{- with $application.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  ports:
    - name: http
      containerPort: {{ $application.port }}
  startupProbe:
    httpGet: { path: {{ $application.healthPath }}, port: http }
    periodSeconds: 1
    failureThreshold: 120
  livenessProbe:
    httpGet: { path: {{ $application.healthPath }}, port: http }
    {{- toYaml .Values.workers.livenessProbe | nindent 4 }}
  resources:
    {{- toYaml $application.resources | nindent 4 }}
  securityContext:
    {{- include "shardcast.containerSecurity" . | nindent 4 }}
  volumeMounts:
    - name: tmp
      mountPath: /tmp
    {{- include "shardcast.workers.dataMount" . | nindent 4 }}
{{- end }}

{{- define "shardcast.workers.dataMount" -}}
{{- if ne .Values.workers.data.kind "none" }}
- name: data
  mountPath: {{ .Values.workers.data.mountPath }}
{{- end }}
{{- end }}

{{- define "shardcast.workers.claimName" -}}
{{- default (printf "%s-data" (include "shardcast.workers.name" .)) .Values.workers.data.existingClaim -}}
{{- end }}

{{- define "shardcast.workers.dataVolume" -}}
{{- $data := .Values.workers.data -}}
{{- if eq $data.kind "emptyDir" }}
- name: data
  emptyDir:
    sizeLimit: {{ $data.size }}
{{- else if eq $data.kind "shared" }}
- name: data
  persistentVolumeClaim:
    claimName: {{ include "shardcast.workers.claimName" . }}
{{- end }}
{{- end }}
