import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("support/browser-like.ts", import.meta.url));

const BROADCAST = {
  id: "id-2",
  verdict: "open",
  members: [{ member: "0", kind: "durable", state: "waiting" }],
};
const REPLY = { status: 200, headers: {}, bodyBase64: "AP8=" };
const ACKED = { member: "0", kind: "durable", state: "acked", attempt: 1, atMs: 1, reply: REPLY };
const DECIDED = { ...BROADCAST, verdict: "satisfied", reason: "all-answered", members: [ACKED] };

/** Echoes requests, knows one that ran, and a broadcast. */
async function startServer(): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader("shardcast-request-id", "id-1");
    response.setHeader("content-type", "text/plain");
    if (request.url?.endsWith("/broadcasts")) {
      response.writeHead(202, { "content-type": "application/json", "shardcast-broadcast-id": "id-2" });
      response.end(JSON.stringify(BROADCAST));
    } else if (request.url?.endsWith("/broadcasts/id-2/events")) {
      response.setHeader("content-type", "text/event-stream");
      response.write(`id: 1\nevent: status\ndata: ${JSON.stringify(BROADCAST)}\n\n`);
      response.end(`id: 2\nevent: verdict\ndata: ${JSON.stringify(DECIDED)}\n\n`);
    } else if (request.url?.endsWith("/events")) {
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

test("the client and a contract over it run where there is nothing of Node, neither modules nor globals", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--experimental-vm-modules",
    "--conditions=@shardcast/source",
    PROGRAM,
    await startServer(),
  ]);
  const { typed, loaded, ...said } = JSON.parse(stdout) as {
    readonly typed: unknown;
    readonly loaded: readonly string[];
  };
  expect(said).toEqual({
    body: '{"a":1}',
    states: ["running", "ended"],
    replied: [0, 255],
    verdict: "satisfied",
  });
  expect(typed).toEqual({
    echoed: { a: 1 },
    refused: ["SHARDCAST_INVALID_REQUEST", "echo: /a: must be 1"],
    known: false,
  });
  // It was the sources that ran, with what they import of other packages.
  const ends = (end: string) => loaded.some((path) => path.endsWith(end));
  expect(
    ["/http-client/src/index.ts", "/contract/src/index.ts", "/protocol/src/errors.ts"].filter(
      (end) => !ends(end),
    ),
  ).toEqual([]);
});
