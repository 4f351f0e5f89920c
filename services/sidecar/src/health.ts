import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the process is doing. */
export type Phase = "waiting for the application" | "joining" | "ready" | "stopping";

export interface Health {
  readonly port: number;
  close(): Promise<void>;
}

/** What Kubernetes asks: `/healthz`, does the process live; `/readyz`, does it bring what the member gets. */
export async function serveHealth(phase: () => Phase, port: number): Promise<Health> {
  const server = createServer(({ url }, response) => {
    if (url === "/healthz") return send(response, 200, { status: "alive" });
    if (url !== "/readyz") return send(response, 404, { status: "no such path" });
    const status = phase();
    return send(response, status === "ready" ? 200 : 503, { status });
  });
  server.listen(port);
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

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
