import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Api } from "../src/api/api.ts";
import { Gate } from "../src/api/gate.ts";
import type { Pod } from "../src/api/pod.ts";
import { Pods } from "../src/kubelet/pods.ts";
import { Addresses } from "../src/network/addresses.ts";

/** An API that takes everything and has nothing. */
const api = {
  server: "https://api",
  insist: async () => ({ metadata: { resourceVersion: "1" }, items: [], spec: {} }),
} as unknown as Api;

// Its connection to us says that a process lives, and its end that it does not any more.
const DIAL = `const s = require("node:net").connect(process.env.PORT, "127.0.0.1"); s.on("error", () => {})`;

it("a pod that is not in the list any more is killed, one that is in it is begun once and left alone", async () => {
  const directory = mkdtempSync(join(tmpdir(), "shardcast-pods-"));
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const env = { PORT: String(typeof address === "object" ? address?.port : "") };
  const pods = new Pods({
    ...{ name: "node-1", api, gate: new Gate(), address: "10.1.1.1", allocatable: {}, directory },
    images: { dial: { command: [process.execPath, "-e", DIAL], env } },
    podAddresses: new Addresses((fourth) => `10.1.1.${fourth}`),
    logFile: async (_, pod) => join(directory, `${pod}.log`),
  });
  onTestFinished(async () => {
    await Promise.all(pods.all.map((pod) => pod.kill()));
    server.close();
    rmSync(directory, { recursive: true });
  });
  const metadata = { name: "p", namespace: "default", uid: "u", resourceVersion: "1" };
  const pod: Pod = { metadata, spec: { containers: [{ name: "c", image: "dial:1" }] } };
  pods.listed([pod]);
  const [connection] = await once(server, "connection");
  connection.on("error", () => {}).resume();
  pods.listed([pod]);
  pods.changed(pod);
  expect(pods.all).toHaveLength(1);
  expect(connection.destroyed).toBe(false);
  pods.listed([]);
  await once(connection, "close");
  expect(pods.all).toHaveLength(0);
});
