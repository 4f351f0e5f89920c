{{- define "shardcast.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "shardcast.gateway.name" -}}
{{- default (printf "%s-gateway" (include "shardcast.fullname" .)) .Values.gateway.name -}}
{{- end }}

{{- /* Pods' names and revisions are labels, 63 characters, and have 11 of their own. */ -}}
{{- define "shardcast.workers.name" -}}
{{- default (printf "%s-%s" (include "shardcast.fullname" .) .Values.workers.service) .Values.workers.name | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "shardcast.serviceAccountName" -}}
{{- $fallback := ternary .name "default" .values.serviceAccount.create -}}
{{- default $fallback .values.serviceAccount.name -}}
{{- end }}

{{- /* What never changes of an object: a Deployment's and a StatefulSet's selector can not. */ -}}
{{- define "shardcast.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "shardcast.labels" -}}
{{ include "shardcast.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: shardcast
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "shardcast.image" -}}
{{- $values := .root.Values.image -}}
{{- printf "%s%s:%s" $values.registry .image.repository (coalesce .image.tag $values.tag .root.Chart.AppVersion) -}}
{{- end }}

{{- define "shardcast.gatewayUrl" -}}
{{- default (printf "http://%s:%d" (include "shardcast.gateway.name" .) (int .Values.gateway.service.port)) .Values.notify.gatewayUrl -}}
{{- end }}
