import { Agent, request } from "node:http";

export type Posted =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly requestId: string | undefined;
      readonly body: string;
    }
  /** No connection: it was not sent. */
  | { readonly kind: "unsent"; readonly code: string }
  /** The connection ended without an answer, or none came in time. */
  | { readonly kind: "lost"; readonly code: string };

/** Beyond the time that the gateway keeps to; then it is not answering at all. */
const PATIENCE_MS = 5_000;

const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });

export function post(url: string, body: string, timeoutMs: number): Promise<Posted> {
  return send("POST", url, body, { "request-timeout": String(timeoutMs / 1_000) }, timeoutMs);
}

export function send(
  method: string,
  url: string,
  body: string,
  more: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<Posted> {
  return new Promise((resolve) => {
    const headers = {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
      ...more,
    };
    const signal = AbortSignal.timeout(timeoutMs + PATIENCE_MS);
    const asked = request(url, { method, agent, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", lost);
      response.once("end", () => {
        const id = response.headers["shardcast-request-id"];
        resolve({
          kind: "answer",
          status: response.statusCode ?? 0,
          requestId: typeof id === "string" ? id : undefined,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    function lost(error: Error): void {
      const { code = error.name } = error as NodeJS.ErrnoException;
      resolve({ kind: code === "ECONNREFUSED" ? "unsent" : "lost", code });
    }
    asked.once("error", lost);
    asked.end(body);
  });
}
