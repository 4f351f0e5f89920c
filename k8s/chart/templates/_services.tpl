{{- /* All services that the gateway serves, the workers' one first. */ -}}
{{- define "shardcast.services" -}}
{{- $services := list -}}
{{- with .Values.workers -}}
{{- if .enabled -}}
{{- $services = append $services (dict "name" .service "lanes" .lanes "replicas" .initialReplicas "statefulSet" (include "shardcast.workers.name" $)) -}}
{{- end -}}
{{- end -}}
{{- concat $services .Values.gateway.services | toJson -}}
{{- end }}

{{- /* SHARDCAST_SERVICES: name=lanes/replicas. */ -}}
{{- define "shardcast.servicesText" -}}
{{- $texts := list -}}
{{- range include "shardcast.services" . | fromJsonArray -}}
{{- $texts = append $texts (printf "%s=%d/%d" .name (int .lanes) (int .replicas)) -}}
{{- end -}}
{{- join "," $texts -}}
{{- end }}

{{- /* SHARDCAST_STATEFUL_SETS: service=[namespace/]name. */ -}}
{{- define "shardcast.statefulSetsText" -}}
{{- $texts := list -}}
{{- range include "shardcast.services" . | fromJsonArray -}}
{{- if .statefulSet -}}
{{- $ref := ternary (printf "%s/%s" .namespace .statefulSet) .statefulSet (not (empty .namespace)) -}}
{{- $texts = append $texts (ternary .name (printf "%s=%s" .name $ref) (eq $ref .name)) -}}
{{- end -}}
{{- end -}}
{{- join "," $texts -}}
{{- end }}

{{- /* The names of StatefulSets that are followed, by namespace: what rights are needed for. */ -}}
{{- define "shardcast.followed" -}}
{{- $followed := dict -}}
{{- range include "shardcast.services" . | fromJsonArray -}}
{{- if .statefulSet -}}
{{- $namespace := default $.Release.Namespace .namespace -}}
{{- $_ := set $followed $namespace (append (default list (get $followed $namespace)) .statefulSet | uniq) -}}
{{- end -}}
{{- end -}}
{{- $followed | toJson -}}
{{- end }}

{{- define "shardcast.proxyRulesName" -}}
{{- printf "%s-proxy" (include "shardcast.gateway.name" .) -}}
{{- end }}

{{- /* What a schema can not say, since it looks at one value at a time. */ -}}
{{- define "shardcast.check" -}}
{{- $workers := .Values.workers -}}
{{- $keda := .Values.keda -}}
{{- $kafka := .Values.kafka -}}
{{- if $workers.enabled -}}
{{- if gt (int $workers.replicas) (int $workers.lanes) -}}
{{- fail (printf "workers.replicas (%d) is more than workers.lanes (%d): a replica without a lane has no work and is never ready" (int $workers.replicas) (int $workers.lanes)) -}}
{{- end -}}
{{- if gt (int $workers.initialReplicas) (int $workers.lanes) -}}
{{- fail (printf "workers.initialReplicas (%d) is more than workers.lanes (%d)" (int $workers.initialReplicas) (int $workers.lanes)) -}}
{{- end -}}
{{- if and (eq $workers.kind "sidecar") (not $workers.application.image.repository) -}}
{{- fail "workers.application.image.repository is required where workers.kind is sidecar" -}}
{{- end -}}
{{- if and (eq $workers.kind "accounts") (eq $workers.data.kind "none") -}}
{{- fail "workers.data.kind none: the example (workers.kind accounts) has to write somewhere" -}}
{{- end -}}
{{- else if not .Values.gateway.services -}}
{{- fail "gateway.services is required where workers.enabled is false: there would be nothing to serve" -}}
{{- end -}}
{{- range .Values.gateway.services -}}
{{- if gt (int .replicas) (int .lanes) -}}
{{- fail (printf "gateway.services: %s has more replicas (%d) than lanes (%d)" .name (int .replicas) (int .lanes)) -}}
{{- end -}}
{{- if and $workers.enabled (eq .name $workers.service) -}}
{{- fail (printf "gateway.services: %s is the service of workers" .name) -}}
{{- end -}}
{{- end -}}
{{- if and $kafka.sasl.mechanism (not $kafka.sasl.secret.name) -}}
{{- fail (printf "kafka.sasl.secret.name is required by kafka.sasl.mechanism %s" $kafka.sasl.mechanism) -}}
{{- end -}}
{{- if and .Values.gateway.contracts.configMap (not .Values.gateway.contracts.files) -}}
{{- fail "gateway.contracts.files is required by gateway.contracts.configMap" -}}
{{- end -}}
{{- if and .Values.gateway.autoscaling.enabled (gt (int .Values.gateway.autoscaling.minReplicas) (int .Values.gateway.autoscaling.maxReplicas)) -}}
{{- fail "gateway.autoscaling.minReplicas is more than gateway.autoscaling.maxReplicas" -}}
{{- end -}}
{{- if $keda.enabled -}}
{{- if not $workers.enabled -}}
{{- fail "keda.enabled needs workers.enabled: there is nothing to scale" -}}
{{- end -}}
{{- if gt (int $keda.maxReplicas) (int $workers.lanes) -}}
{{- fail (printf "keda.maxReplicas (%d) is more than workers.lanes (%d): more replicas than lanes have no work" (int $keda.maxReplicas) (int $workers.lanes)) -}}
{{- end -}}
{{- if gt (int $keda.minReplicas) (int $keda.maxReplicas) -}}
{{- fail (printf "keda.minReplicas (%d) is more than keda.maxReplicas (%d)" (int $keda.minReplicas) (int $keda.maxReplicas)) -}}
{{- end -}}
{{- if and (eq $kafka.sasl.mechanism "oauthbearer") (not $keda.authenticationRef) -}}
{{- fail "keda.authenticationRef is required by kafka.sasl.mechanism oauthbearer: KEDA asks for tokens itself, and the chart does not know where" -}}
{{- end -}}
{{- end -}}
{{- range $name, $job := pick .Values.notify "cronJob" "job" -}}
{{- if $job.enabled -}}
{{- if not (or $job.service $workers.enabled) -}}
{{- fail (printf "notify.%s.service is required where workers.enabled is false" $name) -}}
{{- end -}}
{{- if ne (empty $job.data.configMap) (empty $job.data.key) -}}
{{- fail (printf "notify.%s.data: configMap and key go together" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
