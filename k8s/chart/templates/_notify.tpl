{{- /* The spec of a Job that notifies: root, values (of notify.job or notify.cronJob), identity ("name", or "uid" as well). */ -}}
{{- define "shardcast.notifyJobSpec" -}}
{{- $values := .values -}}
{{- $service := default .root.Values.workers.service $values.service -}}
backoffLimit: 6
# Longer than the tries can take: a run that hangs says so.
activeDeadlineSeconds: 1800
{{- if .byUid }}
ttlSecondsAfterFinished: 86400
{{- end }}
podFailurePolicy:
  rules:
    # A pod that a node had to give up has not failed: it is replaced, and counts for nothing.
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
    # Trying again would not help: bad usage (2), partly (3) and failed (4), since a verdict stays what it is, refused (7).
    # All others are tried again: faults (1), time-outs (5), no gateway (6), signals (130, 143). See docs/cli.md.
    - action: FailJob
      onExitCodes:
        containerName: notify
        operator: In
        values: [2, 3, 4, 7]
template:
  metadata:
    labels:
      {{- include "shardcast.selectorLabels" . | nindent 6 }}
  spec:
    # What podFailurePolicy asks for: each try is a pod, and its exit code counts.
    restartPolicy: Never
    automountServiceAccountToken: false
    # For who is told to end: it says how to look at the broadcast, which goes on.
    terminationGracePeriodSeconds: 10
    securityContext:
      {{- include "shardcast.podSecurity" . | nindent 6 }}
    {{- with .root.Values.imagePullSecrets }}
    imagePullSecrets:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    containers:
      - name: notify
        image: {{ include "shardcast.image" (dict "root" .root "image" .root.Values.notify.image) }}
        imagePullPolicy: {{ .root.Values.image.pullPolicy }}
        args:
          - notify
          - {{ $service }}
          - --handler={{ $values.handler }}
          {{- if $values.data.configMap }}
          - --data=@/etc/shardcast/notify/{{ $values.data.key }}
          - --content-type={{ $values.data.contentType }}
          {{- end }}
          - --ack={{ $values.ack }}
          - --wait={{ $values.wait }}
          - --ttl={{ $values.ttl }}
        env:
          - name: SHARDCAST_GATEWAY
            value: {{ include "shardcast.gatewayUrl" .root }}
          # The broadcast is named after the run of the Job: a pod that is retried finds what the first one sent, and waits for
          # that (C5). A CronJob names each Job by the time it was due. The labels are the Job controller's.
          - name: SHARDCAST_JOB_NAME
            valueFrom:
              fieldRef:
                fieldPath: metadata.labels['batch.kubernetes.io/job-name']
          {{- if .byUid }}
          # The name alone would not do for a Job that is deleted and made again under the same name within a day: it
          # would be told the verdict of the one before, and nobody would act.
          - name: SHARDCAST_JOB_UID
            valueFrom:
              fieldRef:
                fieldPath: metadata.labels['batch.kubernetes.io/controller-uid']
          - name: SHARDCAST_IDEMPOTENCY_KEY
            value: $(SHARDCAST_JOB_NAME)/$(SHARDCAST_JOB_UID)
          {{- end }}
        # No limit for the processor: starting Node is all it does with it.
        resources:
          {{- toYaml .root.Values.notify.resources | nindent 10 }}
        securityContext:
          {{- include "shardcast.containerSecurity" . | nindent 10 }}
        {{- if $values.data.configMap }}
        volumeMounts:
          - name: data
            mountPath: /etc/shardcast/notify
            readOnly: true
        {{- end }}
    {{- with $values.data.configMap }}
    volumes:
      - name: data
        configMap:
          name: {{ . }}
    {{- end }}
{{- end }}

{{- define "shardcast.notifyName" -}}
{{- default (printf "%s-notify" (include "shardcast.workers.name" .root)) .values.name -}}
{{- end }}
