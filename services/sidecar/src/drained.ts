import type { RequestListener } from "node:http";
import type { Sidecar } from "./sidecar.ts";

/**
 * `GET /drained` beside the health checks: answers when the member has left. For the `preStop` hook of the application's
 * container, which the kubelet calls from outside the pod; it ends nothing, so anybody may ask.
 */
export function drainedListener({ left }: Pick<Sidecar, "left">): RequestListener {
  return (request, response) => {
    const send = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.method !== "GET" || request.url !== "/drained") {
      send(404, { status: "no such path" });
      return;
    }
    void left.then(() => send(200, { status: "left" }));
  };
}
