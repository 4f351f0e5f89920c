{{- define "shardcast.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "shardcast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* What gateway's and workers' pods may be given in the same way. */ -}}
{{- define "shardcast.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range .values.topologySpreadConstraints }}
  - {{ toYaml . | nindent 4 | trim }}
    {{- if not .labelSelector }}
    labelSelector:
      matchLabels:
        {{- include "shardcast.selectorLabels" $ | nindent 8 }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* spec.replicas of what something else scales (kind, name): as it is, and nothing where it is not there yet. Left out in an upgrade,
the API would take it for the default, 1, when Helm had said it before. */ -}}
{{- define "shardcast.replicasThere" -}}
{{- with lookup "apps/v1" .kind .root.Release.Namespace .name }}
replicas: {{ .spec.replicas }}
{{- end }}
{{- end }}

{{- /* Milliseconds as seconds, rounded up. */ -}}
{{- define "shardcast.seconds" -}}
{{- div (add (int64 .) 999) 1000 -}}
{{- end }}

{{- /* The processes give themselves 10 s beyond their grace time, for the last commit and to leave Kafka; 5 s more, and they are
never killed in the middle of it. */ -}}
{{- define "shardcast.leaveSeconds" -}}15{{- end }}

{{- define "shardcast.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "shardcast.serviceAccountName" . }}
  labels:
    {{- include "shardcast.labels" . | nindent 4 }}
  {{- with .values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
