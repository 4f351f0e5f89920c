import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("support/browser-like.ts", import.meta.url));

/** Echoes requests, and knows one that ran. */
async function startServer(): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader("shardcast-request-id", "id-1");
    response.setHeader("content-type", "text/plain");
    if (request.url?.endsWith("/events")) {
      response.setHeader("content-type", "text/event-stream");
      response.end('data: {"state":"running","attempt":1}\n\nevent: done\ndata: {}\n\n');
    } else if (request.method === "GET") {
      response.setHeader("shardcast-request-state", "replied");
      response.end("done");
    } else {
      request.pipe(response);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("the client runs where there is nothing of Node, neither modules nor globals", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--experimental-vm-modules",
    "--conditions=@shardcast/source",
    PROGRAM,
    await startServer(),
  ]);
  const { body, states, loaded } = JSON.parse(stdout) as {
    readonly body: string;
    readonly states: readonly string[];
    readonly loaded: readonly string[];
  };
  expect({ body, states }).toEqual({ body: '{"a":1}', states: ["running", "ended"] });
  // It was the sources that ran, with what they import of other packages.
  const ends = (end: string) => loaded.some((path) => path.endsWith(end));
  expect(["/http-client/src/index.ts", "/protocol/src/errors.ts"].every(ends)).toBe(true);
});
