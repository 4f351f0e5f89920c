import type { Service } from "../../api/objects.ts";

/** `ACCOUNTS_SERVICE_HOST`, `ACCOUNTS_SERVICE_PORT`, `ACCOUNTS_SERVICE_PORT_HTTP` of the Services with an address. */
export function serviceVariables(services: readonly Service[]): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const { metadata, spec } of services) {
    const { clusterIP, ports = [] } = spec;
    if (clusterIP === undefined || clusterIP === "" || clusterIP === "None") continue;
    const prefix = `${variableName(metadata.name)}_SERVICE`;
    variables[`${prefix}_HOST`] = clusterIP;
    for (const [index, { name, port }] of ports.entries()) {
      if (index === 0) variables[`${prefix}_PORT`] = String(port);
      if (name !== undefined) variables[`${prefix}_PORT_${variableName(name)}`] = String(port);
    }
  }
  return variables;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
