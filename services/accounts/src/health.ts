import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Worker } from "@shardcast/worker";

export interface Health {
  readonly port: number;
  close(): Promise<void>;
}

/** What Kubernetes asks: `/healthz`, does the process live; `/readyz`, does it own its lanes. */
export async function serveHealth(worker: Pick<Worker, "member" | "lanes">, port: number): Promise<Health> {
  const server = createServer(({ url }, response) => {
    const { member } = worker;
    const lanes = worker.lanes().map(({ lane }) => lane);
    if (url === "/healthz") return send(response, 200, { status: "alive" });
    if (url !== "/readyz") return send(response, 404, { status: "no such path" });
    return lanes.length > 0
      ? send(response, 200, { status: "ready", member, lanes })
      : send(response, 503, { status: "no lane is owned", member, lanes });
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
