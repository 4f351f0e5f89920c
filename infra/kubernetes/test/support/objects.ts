const PORTS = [{ name: "http", containerPort: 8080 }];

/** A container of the app that is ready when it says so. */
export function app(more: object = {}): object {
  return {
    ...{ name: "app", image: "app:1", ports: PORTS },
    readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 1, failureThreshold: 1 },
    ...more,
  };
}

/** A container that runs a script. */
export function script(text: string, more: object = {}): object {
  return { name: "script", image: "sh", args: [text], ...more };
}

export function pod(name: string, spec: object, labels: object = { app: name }): object {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec };
}

function template(name: string, spec: object): object {
  return { metadata: { labels: { app: name } }, spec };
}

export function deployment(name: string, replicas: number, spec: object): object {
  const selector = { matchLabels: { app: name } };
  return {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name } },
    spec: { replicas, selector, template: template(name, spec) },
  };
}

export function statefulSet(name: string, replicas: number, spec: object, more: object = {}): object {
  const selector = { matchLabels: { app: name } };
  return {
    ...{ apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name } },
    spec: { serviceName: name, replicas, selector, template: template(name, spec), ...more },
  };
}

export function service(name: string, more: object = {}): object {
  const ports = [{ name: "http", port: 80, targetPort: "http" }];
  return {
    ...{ apiVersion: "v1", kind: "Service", metadata: { name } },
    spec: { selector: { app: name }, ports, ...more },
  };
}

export function job(name: string, spec: object, more: object = {}): object {
  const of = { metadata: { labels: { app: name } }, spec: { restartPolicy: "Never", ...spec } };
  return {
    ...{ apiVersion: "batch/v1", kind: "Job", metadata: { name } },
    spec: { template: of, ...more },
  };
}
