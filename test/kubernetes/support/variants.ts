import type { Values } from "./chart.ts";

const brokers = ["kafka-0.example.com:9093", "kafka-1.example.com:9094"];
const application = { image: { repository: "example/accounts-py", tag: "1" } };
const job = { enabled: true, data: { configMap: "rates", key: "rates.json" } };

/** What the chart can be asked for, each in one way at least. */
export const VARIANTS: Readonly<Record<string, Values>> = {
  defaults: {},
  "Kafka with TLS and SCRAM": {
    kafka: {
      brokers,
      topicPrefix: "prod.",
      replicationFactor: 3,
      tls: { enabled: true, caSecret: { name: "kafka-ca" }, clientSecret: { name: "kafka-client" } },
      sasl: { mechanism: "scram-sha-512", secret: { name: "kafka-user" } },
    },
    keda: { enabled: true },
  },
  "Kafka with TLS and tokens": {
    kafka: {
      brokers,
      tls: { enabled: true },
      sasl: { mechanism: "oauthbearer", secret: { name: "kafka-token" } },
    },
    keda: { enabled: true, authenticationRef: "kafka-oauth" },
  },
  "a native sidecar": {
    workers: { kind: "sidecar", application: { ...application, env: [{ name: "LEVEL", value: "debug" }] } },
  },
  "a sidecar as a container like others": {
    workers: { kind: "sidecar", data: { kind: "none" }, application: { ...application, native: false } },
  },
  "an image on the SDK": {
    workers: { kind: "sdk", image: { repository: "example/orders", tag: "7" }, data: { kind: "none" } },
  },
  KEDA: { keda: { enabled: true } },
  OnDelete: { workers: { updateStrategy: { type: "OnDelete" }, podManagementPolicy: "OrderedReady" } },
  "a canary": { workers: { updateStrategy: { partition: 2 } } },
  "ordinals that begin at 5": { workers: { ordinals: { start: 5 }, externallyScaled: true } },
  "data that all replicas share": { workers: { data: { kind: "shared", storageClassName: "nfs" } } },
  "jobs that notify": {
    notify: { gatewayUrl: "http://10.0.0.9:8080", cronJob: { enabled: true }, job },
  },
  "nothing but gateways": {
    workers: { enabled: false },
    gateway: {
      services: [
        { name: "orders", lanes: 12, replicas: 2, statefulSet: "orders" },
        { name: "ledger", lanes: 6, replicas: 2, statefulSet: "ledger-v2", namespace: "books" },
        { name: "events", lanes: 6, replicas: 0 },
      ],
    },
  },
  "contracts and the proxy": {
    gateway: {
      host: "$(POD_IP)",
      contracts: { configMap: "contracts", files: ["accounts.mjs", "orders.mjs"] },
      proxy: {
        services: ["accounts"],
        rules: [{ match: { path: { prefix: "/a/" } }, service: "accounts", key: "header:x-account-id" }],
      },
    },
  },
  "as little as can be": {
    networkPolicy: { enabled: false },
    rbac: { create: false },
    gateway: {
      autoscaling: { enabled: false },
      podDisruptionBudget: { enabled: false },
      serviceAccount: { create: false },
      preStopSeconds: 0,
    },
    workers: { podDisruptionBudget: { enabled: false }, serviceAccount: { create: false } },
  },
  "pods by all that can be said of them": {
    image: { registry: "registry.example.com/", tag: "2" },
    imagePullSecrets: [{ name: "registry" }],
    gateway: {
      priorityClassName: "high",
      nodeSelector: { disk: "ssd" },
      tolerations: [{ key: "spot", operator: "Exists" }],
      podLabels: { team: "bank" },
      podAnnotations: { "example.com/note": "x" },
      affinity: { nodeAffinity: {} },
      extraEnv: [{ name: "SHARDCAST_LOG_LEVEL", value: "debug" }],
    },
    workers: { priorityClassName: "high", extraEnv: [{ name: "SHARDCAST_CONCURRENCY", value: "8" }] },
    networkPolicy: {
      gateway: { from: [], extraEgress: [{ ports: [{ port: 443 }] }] },
      workers: { extraEgress: [{ ports: [{ port: 5432 }] }] },
      kafkaPorts: [9095],
      dns: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } }],
    },
  },
};
