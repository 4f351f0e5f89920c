import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { nowMs } from "../src/clock.ts";
import { PacedRun } from "../src/paced/run.ts";

/** Answers `asked` as a worker with process id 7 would, through `change`. */
async function gatewayThat(change: (answer: string, path: string) => { status: number; body: string }) {
  const server = createServer(async (request, response) => {
    let asked = "";
    for await (const chunk of request) asked += chunk;
    const { status, body } = change(`7 ${asked}`, request.url ?? "");
    response.writeHead(status, { "content-length": Buffer.byteLength(body) }).end(body);
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const targets = [
  { lane: 4, key: "a" },
  { lane: 9, key: "b" },
];

test("targets are asked in turn, and each answer names lane and process", async () => {
  const paths = new Set<string>();
  const url = await gatewayThat((body, path) => {
    paths.add(path);
    return { status: 200, body };
  });
  const run = new PacedRun({ url, ratePerSecond: 200, targets });
  await run.served({ lanes: [4, 9], afterMs: nowMs() });
  const { samples, failed } = await run.end();
  expect(failed).toBe(0);
  expect(paths).toEqual(new Set(["/v1/bench/keys/a/owner", "/v1/bench/keys/b/owner"]));
  const byDue = samples.toSorted((one, other) => one.dueMs - other.dueMs);
  expect(byDue.map(({ lane }) => lane)).toEqual(byDue.map((_, i) => (i % 2 === 0 ? 4 : 9)));
  expect(new Set(samples.map(({ by }) => by))).toEqual(new Set([7]));
});

test("requests leave at their rate while earlier ones wait", async () => {
  let arrived = 0;
  const { promise: several, resolve } = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    if (++arrived === 5) resolve();
    void several.then(() => response.writeHead(200, { "content-length": 1 }).end("x"));
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const run = new PacedRun({ url, ratePerSecond: 200, targets });
  await several; // would never come if each waited for the one before
  await run.end();
});

test("errors and answers to something else are failures, and no samples", async () => {
  let answered = 0;
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const url = await gatewayThat((body) => {
    if (++answered === 4) resolve();
    return answered % 2 === 0 ? { status: 503, body } : { status: 200, body: `${body} of another` };
  });
  const run = new PacedRun({ url, ratePerSecond: 200, targets });
  await enough;
  const { samples, failed, examples } = await run.end();
  expect(samples).toEqual([]);
  expect(failed).toBe(answered);
  expect(examples.length).toBeLessThanOrEqual(5);
  expect(examples).toContainEqual(
    expect.stringMatching(/^request ([0-9]+) got 200 7 request \1 of another$/),
  );
  expect(examples).toContainEqual(expect.stringMatching(/^request ([0-9]+) got 503 7 request \1$/));
});
