import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What `/readyz` says; all of it is in the answer. */
export interface Probe {
  readonly ready: boolean;
}

export interface HealthServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Address to listen on, e.g. the pod's own. Default: all. */
  readonly host?: string | undefined;
  /** Takes what is asked besides, e.g. reads that come straight to the owner. Default: 404. */
  readonly otherwise?: RequestListener;
}

export interface HealthServer {
  readonly port: number;
  /** Ends also the connections that are kept alive. */
  close(): Promise<void>;
}

/**
 * Serves what Kubernetes asks: `/healthz`, does the process live (200); `/readyz`, 200 or 503, does it serve what is meant for it,
 * e.g. `() => worker.readiness()`.
 *
 * @throws what listening failed with
 */
export async function serveHealth(
  readiness: () => Probe,
  { port, host, otherwise = noSuchPath }: HealthServerOptions,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    if (request.url === "/healthz") return send(response, 200, { status: "alive" });
    if (request.url !== "/readyz") return otherwise(request, response);
    const probe = readiness();
    return send(response, probe.ready ? 200 : 503, probe);
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const noSuchPath: RequestListener = (_request, response) => send(response, 404, { status: "no such path" });

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
