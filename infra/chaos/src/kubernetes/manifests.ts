export interface ManifestOptions {
  readonly namespace: string;
  readonly service: string;
  readonly lanes: number;
  readonly replicas: number;
  readonly gateways: number;
  readonly podManagementPolicy: "OrderedReady" | "Parallel";
  readonly leaseMs: number;
  readonly reassignAfterMs: number;
  /** Of gateways and workers. */
  readonly env: Readonly<Record<string, string>>;
  readonly workerEnv: Readonly<Record<string, string>>;
}

export const IMAGES = { gateway: "shardcast/gateway", worker: "shardcast/chaos-worker" } as const;
/** Label of a node: what runs on it. */
export const ROLE = "shardcast-role";

const PORT = 8080;

/** What is installed: gateways that may see one StatefulSet and its pods, and the StatefulSet under test. Gateways run on nodes of their own. */
export function manifestsOf(options: ManifestOptions): object[] {
  const { namespace, service } = options;
  const about = (name: string, labels = {}) => ({ metadata: { name, namespace, labels } });
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { apiVersion: "v1", kind: "ServiceAccount", ...about("gateway") },
    {
      ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", ...about("gateway") },
      rules: [
        {
          ...{ apiGroups: ["apps"], resources: ["statefulsets"] },
          ...{ resourceNames: [service], verbs: ["list", "watch"] },
        },
        { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", ...about("gateway") },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "gateway" },
      subjects: [{ kind: "ServiceAccount", name: "gateway", namespace }],
    },
    {
      ...{ apiVersion: "apps/v1", kind: "Deployment", ...about("gateway") },
      spec: {
        replicas: options.gateways,
        selector: { matchLabels: { app: "gateway" } },
        template: { metadata: { labels: { app: "gateway" } }, spec: gatewayPod(options) },
      },
    },
    {
      ...{ apiVersion: "v1", kind: "Service", ...about(service) },
      spec: { clusterIP: "None", selector: { app: service }, ports: [{ name: "http", port: PORT }] },
    },
    {
      ...{ apiVersion: "policy/v1", kind: "PodDisruptionBudget", ...about(service) },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: service } } },
    },
    {
      ...{ apiVersion: "apps/v1", kind: "StatefulSet", ...about(service) },
      spec: {
        ...{ serviceName: service, podManagementPolicy: options.podManagementPolicy },
        replicas: options.replicas,
        selector: { matchLabels: { app: service } },
        template: { metadata: { labels: { app: service } }, spec: workerPod(options) },
      },
    },
  ];
}

function gatewayPod({ service, lanes, replicas, reassignAfterMs, env }: ManifestOptions): object {
  return {
    serviceAccountName: "gateway",
    nodeSelector: { [ROLE]: "gateways" },
    containers: [
      {
        ...{ name: "gateway", image: IMAGES.gateway, imagePullPolicy: "Never" },
        ports: [{ name: "http", containerPort: PORT }],
        readinessProbe: probe("/readyz"),
        env: [
          ...fromPod,
          ...listOf(env),
          ...listOf({
            SHARDCAST_HOST: "$(POD_IP)",
            SHARDCAST_PORT: String(PORT),
            SHARDCAST_SERVICES: `${service}=${lanes}/${replicas}`,
            SHARDCAST_STATEFUL_SETS: service,
            SHARDCAST_REASSIGN_AFTER_MS: String(reassignAfterMs),
          }),
        ],
      },
    ],
  };
}

function workerPod({ service, lanes, replicas, leaseMs, reassignAfterMs, env, workerEnv }: ManifestOptions) {
  const lost = (key: string) => ({
    ...{ key: `node.kubernetes.io/${key}`, operator: "Exists", effect: "NoExecute", tolerationSeconds: 2 },
  });
  return {
    automountServiceAccountToken: false,
    nodeSelector: { [ROLE]: "workers" },
    tolerations: [lost("not-ready"), lost("unreachable")],
    terminationGracePeriodSeconds: 30,
    containers: [
      {
        ...{ name: "worker", image: IMAGES.worker, imagePullPolicy: "Never" },
        ports: [{ name: "http", containerPort: PORT }],
        readinessProbe: probe("/readyz"),
        livenessProbe: { ...probe("/healthz"), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 6 },
        env: [
          ...fromPod,
          ...listOf(env),
          ...listOf({
            SHARDCAST_SERVICE: service,
            SHARDCAST_MEMBER: "$(POD_NAME)",
            SHARDCAST_POD_UID: "$(POD_UID)",
            SHARDCAST_URL: `http://$(POD_IP):${PORT}`,
            SHARDCAST_LANES: String(lanes),
            SHARDCAST_REPLICAS: String(replicas),
            SHARDCAST_LEASE_MS: String(leaseMs),
            SHARDCAST_LOST_AFTER_MS: String(reassignAfterMs),
            CHAOS_HOST: "$(POD_IP)",
            CHAOS_PORT: String(PORT),
          }),
          ...listOf(workerEnv),
        ],
      },
    ],
  };
}

const probe = (path: string) => ({
  ...{ httpGet: { path, port: PORT }, periodSeconds: 1, timeoutSeconds: 2 },
});

const fromPod = [
  ["POD_NAME", "metadata.name"],
  ["POD_UID", "metadata.uid"],
  ["POD_IP", "status.podIP"],
].map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } }));

function listOf(env: Readonly<Record<string, string>>): object[] {
  return Object.entries(env).map(([name, value]) => ({ name, value }));
}
