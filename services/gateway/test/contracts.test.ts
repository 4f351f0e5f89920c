import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { isShardcastError } from "@shardcast/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { createGateway, type GatewayOptions } from "../src/index.ts";
import { accounts, orders } from "./support/contracts.ts";
import { startBoth, startGateway } from "./support/gateway.ts";
import { type CallOptions, call, problemOf } from "./support/http.ts";

const KEY = "/v1/accounts/keys/42";
const start = (options: Partial<GatewayOptions> = {}) =>
  startBoth(() => ({}), { contracts: [accounts], ...options });

describe("a service with a contract", () => {
  it.each([
    [`${KEY}/deposit`, { body: '{"amount":5}' }],
    [`${KEY}/tree/plant`, {}],
    [`${KEY}/touch`, { body: "" }],
    [`${KEY}/deposit`, { body: '{ "amount": 5, "more": [] }', headers: { prefer: "wait=30" } }],
  ])("gets what fits, as it was sent: %s %j", async (path, sent: CallOptions) => {
    const { gateway, worker } = await start();
    expect((await call(gateway, path, sent)).status).toBe(200);
    expect(worker.requests[0]?.body).toEqual(Buffer.from(sent.body ?? ""));
  });

  it.each([
    ["a key", "/v1/accounts/keys/abc/touch", {}, 400, "SHARDCAST_INVALID_KEY", ""],
    ["input", `${KEY}/deposit`, { body: '{"amount":-1}' }, 422, "SHARDCAST_INVALID_REQUEST", "/amount"],
    ["no input", `${KEY}/deposit`, {}, 422, "SHARDCAST_INVALID_REQUEST", ""],
    ["input where none is taken", `${KEY}/touch`, { body: "1" }, 422, "SHARDCAST_INVALID_REQUEST", ""],
    ["no JSON", `${KEY}/deposit`, { body: "{" }, 400, "SHARDCAST_INVALID_REQUEST", undefined],
    ["another handler", `${KEY}/withdraw`, { body: "1" }, 404, "SHARDCAST_UNKNOWN_HANDLER", undefined],
    ["an inherited handler", `${KEY}/constructor`, {}, 404, "SHARDCAST_UNKNOWN_HANDLER", undefined],
    ["no handler", KEY, {}, 404, "SHARDCAST_UNKNOWN_HANDLER", undefined],
  ])("gets nothing of what does not fit: %s", async (_, path, sent, status, code, pointer) => {
    const { gateway, cluster } = await start();
    const problem = problemOf(await call(gateway, path, sent as CallOptions));
    expect(problem).toMatchObject({ status, code, retryable: false });
    if (pointer !== undefined)
      expect(problem.issues).toMatchObject([{ pointer, message: expect.anything() }]);
    const ends = [0, 1, 2].map((lane) => cluster.partition("accounts.requests", lane)?.end);
    expect(ends).toEqual([0, 0, 0]);
  });

  it("is asked by key source and event as well: what is checked is the data, of the handler that was named", async () => {
    const { gateway, worker } = await start({ keySources: "accounts=header:x-id" });
    const event = { specversion: "1.0", id: "1", source: "/", type: "deposit" };
    const post = (data: unknown, key: string) =>
      call(gateway, "/v1/accounts/requests", {
        headers: { "content-type": "application/cloudevents+json", "x-id": key },
        body: JSON.stringify({ ...event, data }),
      });
    expect(problemOf(await post({ amount: -1 }, "42")).issues).toMatchObject([{ pointer: "/amount" }]);
    expect(problemOf(await post({ amount: 1 }, "abc")).code).toBe("SHARDCAST_INVALID_KEY");
    expect((await post({ amount: 1 }, "42")).status).toBe(200);
    expect(worker.requests).toHaveLength(1);
  });

  it("gets broadcasts that fit, and nothing of others; where it declares none, all of them (C6)", async () => {
    const { gateway, cluster } = await startGateway({
      ...{ contracts: [accounts, orders], services: "accounts=3,orders=3" },
    });
    await gateway.ready;
    const post = (query: string, body = "", service = "accounts") =>
      call(gateway, `/v1/${service}/broadcasts${query}`, { body });
    expect(problemOf(await post("?handler=reload", '{"table":7}'))).toMatchObject({
      ...{ status: 422, issues: [{ pointer: "/table" }] },
    });
    expect(problemOf(await post("?handler=flush", "1")).status).toBe(422);
    for (const query of ["?handler=deposit", "?handler=constructor", ""]) {
      expect(problemOf(await post(query)).code).toBe("SHARDCAST_UNKNOWN_HANDLER");
    }
    expect(cluster.partition("accounts.broadcast", 0)?.end).toBe(0);
    expect((await post("?handler=reload", '{"table":"t"}')).status).toBe(202);
    expect((await post("?handler=flush")).status).toBe(202);
    expect((await post("?handler=any", "1", "orders")).status).toBe(202);
  });

  it("leaves services without one alone", async () => {
    const services = { accounts: { lanes: 3 }, orders: { lanes: 3 } };
    const { gateway, worker } = await startBoth(() => ({}), { services, contracts: [orders] });
    expect((await call(gateway, "/v1/accounts/keys/abc/whatever", { body: "{" })).status).toBe(200);
    expect(worker.requests).toHaveLength(1);
  });
});

describe("contracts of modules", () => {
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), "shardcast-contracts-"));
    mkdirSync(made, { recursive: true });
    onTestFinished(() => rmSync(made, { recursive: true, force: true }));
    return (name: string, text: string) => {
      const path = join(made, name);
      writeFileSync(path, text);
      return path;
    };
  };
  const minimal = (service: string) => `{ service: "${service}", handlers: { place: {} } }`;

  it("are the exports that are contracts, once each", async () => {
    const path = folder()(
      "good.mjs",
      `export const accounts = ${minimal("accounts")}; export default accounts; export const LIMIT = 5;`,
    );
    const { gateway } = await startGateway({ env: { SHARDCAST_CONTRACTS: ` ${path},` } });
    await gateway.ready;
    expect(problemOf(await call(gateway, `${KEY}/deposit`)).code).toBe("SHARDCAST_UNKNOWN_HANDLER");
  });

  it("start no gateway when there is anything wrong with any: each fault is named, and the log is not touched", async () => {
    const file = folder();
    const throwing = file("throwing.mjs", 'throw new Error("no database");');
    const none = file("none.mjs", "export const LIMIT = 5;");
    const bad = file(
      "bad.mjs",
      'export const accounts = { service: "accounts", handlers: { a: { input: 5 } } };',
    );
    const two = file(
      "two.mjs",
      `export const a = ${minimal("accounts")}; export const o = ${minimal("bills")};`,
    );
    const contracts = [throwing, "./not-there.mjs", none, bad, two, accounts].map((each) => each);
    const log = createMemoryLog({ cluster: new MemoryCluster() });
    onTestFinished(() => log.close());
    const options = {
      services: { accounts: { lanes: 3 } },
      contracts,
      log,
      env: {},
      host: "127.0.0.1",
      port: 0,
    };
    const faults = await createGateway(options).then(
      async (gateway) => gateway.close(),
      (error: unknown) =>
        isShardcastError(error) && error.code === "SHARDCAST_INVALID_CONFIG" && error.extensions.faults,
    );
    expect(faults).toEqual([
      `${throwing}: no database`,
      expect.stringContaining("./not-there.mjs: "),
      `${none}: exports no contract`,
      expect.stringContaining("contract accounts: "),
      "contract bills: this gateway does not serve bills",
      "contract accounts: there are two",
    ]);
    expect(await log.partitionsOf("accounts.requests")).toBeUndefined();
  });

  it("are refused as options when they are neither contracts nor paths", async () => {
    const contracts = [{ handlers: {} }] as unknown as NonNullable<GatewayOptions["contracts"]>;
    await expect(startGateway({ contracts })).rejects.toMatchObject({
      code: "SHARDCAST_INVALID_CONFIG",
      message: expect.stringContaining("contracts.0 (SHARDCAST_CONTRACTS)"),
    });
  });
});
