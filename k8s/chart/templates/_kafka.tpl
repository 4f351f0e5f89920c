{{- define "shardcast.kafkaEnv" -}}
{{- $kafka := .Values.kafka -}}
{{- $sasl := $kafka.sasl -}}
- name: SHARDCAST_KAFKA_BROKERS
  value: {{ join "," $kafka.brokers | quote }}
{{- if $kafka.topicPrefix }}
- name: SHARDCAST_TOPIC_PREFIX
  value: {{ $kafka.topicPrefix | quote }}
{{- end }}
{{- if $kafka.replicationFactor }}
- name: SHARDCAST_KAFKA_REPLICATION_FACTOR
  value: {{ $kafka.replicationFactor | int64 | quote }}
{{- end }}
{{- if $kafka.tls.enabled }}
- name: SHARDCAST_KAFKA_SSL
  value: "true"
{{- if $kafka.tls.caSecret.name }}
- name: SHARDCAST_KAFKA_SSL_CA_FILE
  value: /etc/shardcast/kafka-ca/ca.crt
{{- end }}
{{- if $kafka.tls.clientSecret.name }}
- name: SHARDCAST_KAFKA_SSL_CERT_FILE
  value: /etc/shardcast/kafka-client/tls.crt
- name: SHARDCAST_KAFKA_SSL_KEY_FILE
  value: /etc/shardcast/kafka-client/tls.key
{{- end }}
{{- end }}
{{- if $sasl.mechanism }}
- name: SHARDCAST_KAFKA_SASL_MECHANISM
  value: {{ $sasl.mechanism }}
{{- if eq $sasl.mechanism "oauthbearer" }}
- name: SHARDCAST_KAFKA_SASL_TOKEN_FILE
  value: /etc/shardcast/kafka-token/token
{{- else }}
- name: SHARDCAST_KAFKA_SASL_USERNAME
  valueFrom:
    secretKeyRef:
      name: {{ $sasl.secret.name }}
      key: {{ $sasl.secret.usernameKey }}
- name: SHARDCAST_KAFKA_SASL_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $sasl.secret.name }}
      key: {{ $sasl.secret.passwordKey }}
{{- end }}
{{- end }}
{{- end }}

{{- define "shardcast.kafkaMounts" -}}
{{- if and .Values.kafka.tls.enabled .Values.kafka.tls.caSecret.name }}
- name: kafka-ca
  mountPath: /etc/shardcast/kafka-ca
  readOnly: true
{{- end }}
{{- if and .Values.kafka.tls.enabled .Values.kafka.tls.clientSecret.name }}
- name: kafka-client
  mountPath: /etc/shardcast/kafka-client
  readOnly: true
{{- end }}
{{- if eq .Values.kafka.sasl.mechanism "oauthbearer" }}
- name: kafka-token
  mountPath: /etc/shardcast/kafka-token
  readOnly: true
{{- end }}
{{- end }}

{{- define "shardcast.kafkaVolumes" -}}
{{- $kafka := .Values.kafka -}}
{{- if and $kafka.tls.enabled $kafka.tls.caSecret.name }}
- name: kafka-ca
  secret:
    secretName: {{ $kafka.tls.caSecret.name }}
    items:
      - key: {{ $kafka.tls.caSecret.key }}
        path: ca.crt
{{- end }}
{{- if and $kafka.tls.enabled $kafka.tls.clientSecret.name }}
- name: kafka-client
  secret:
    secretName: {{ $kafka.tls.clientSecret.name }}
    items:
      - key: {{ $kafka.tls.clientSecret.certKey }}
        path: tls.crt
      - key: {{ $kafka.tls.clientSecret.keyKey }}
        path: tls.key
{{- end }}
{{- if eq $kafka.sasl.mechanism "oauthbearer" }}
- name: kafka-token
  secret:
    secretName: {{ $kafka.sasl.secret.name }}
    items:
      - key: {{ $kafka.sasl.secret.tokenKey }}
        path: token
{{- end }}
{{- end }}

{{- /* As peers and ports of an egress rule. */ -}}
{{- define "shardcast.kafkaEgress" -}}
{{- $ports := list -}}
{{- range .Values.kafka.brokers }}{{ $ports = append $ports (regexFind "[0-9]+$" . | int) }}{{ end -}}
{{- range .Values.networkPolicy.kafkaPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
# Kafka.
- ports:
    {{- range uniq $ports }}
    - port: {{ . }}
    {{- end }}
  {{- with .Values.networkPolicy.kafka }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "shardcast.dnsEgress" -}}
# Names.
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  {{- with .Values.networkPolicy.dns }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
