import type { HttpClient, RequestStatus } from "@shardcast/http-client";
import { ShardcastError } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { COMMANDS } from "../src/commands/all.ts";
import { acked, ID, member, scripted, status } from "./support/broadcasts.ts";
import { run } from "./support/world.ts";

const reply = {
  id: ID,
  status: 200,
  contentType: "text/plain",
  headers: { "x-a": "b" },
  body: Buffer.from("500"),
};

test.each(COMMANDS.map(({ name }) => [name]))("%s --help has examples and every flag", async (name) => {
  const { code, stdout } = await run([...name.split(" "), "--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain("Examples:");
  for (const setting of Object.values(COMMANDS.find((each) => each.name === name)?.settings ?? {})) {
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(setting.describe);
  }
});

test("--version is the package's, and goes to standard output", async () => {
  expect(await run(["--version"])).toEqual({ code: 0, stdout: "0.1.0\n", stderr: "" });
});

test.each([
  [[], "a command is missing"],
  [["dead-letters"], "a command is missing"],
  [["nothing"], "Unknown argument: nothing"],
  [["notify"], "Not enough non-option arguments"],
  [["notify", "a", "b"], "Unknown argument: b"],
  [["notify", "a", "--aks", "all", "--wiat=1s"], "Unknown arguments: aks, wiat"],
  [["notify", "a", "--ack"], "Not enough arguments following: ack"],
  [["status", "a", "--watch"], "--watch: needs the id of a broadcast"],
])("%j is bad usage: %s", async (args, text) => {
  const { code, stdout, stderr } = await run(args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(text);
});

test("completion is a script for the shell", async () => {
  expect((await run(["completion"])).stdout).toContain("--get-yargs-completions");
});

test("a request is what its flags say, and the reply's body is what is printed", async () => {
  const asked: unknown[] = [];
  const client: Partial<HttpClient> = {
    request: async (...args) => {
      asked.push(args);
      return reply;
    },
  };
  const args = "request accounts 007 balance --data 1 --timeout 5s --idempotency-key k1 --header a=b";
  expect(await run(args.split(" "), { client })).toEqual({ code: 0, stdout: "500", stderr: "" });
  const options = { handler: "balance", timeoutMs: 5_000, idempotencyKey: "k1", headers: { a: "b" } };
  expect(asked).toEqual([["accounts", "007", Buffer.from("1"), options]]);
  const json = await run([...args.split(" "), "--json"], { client });
  expect(JSON.parse(json.stdout)).toEqual({ ...reply, body: "500" });
  const binary = { ...reply, body: Buffer.from([255]) };
  const bytes = await run(["request", "a", "k", "--json"], { client: { request: async () => binary } });
  expect(JSON.parse(bytes.stdout)).toMatchObject({ bodyBase64: "/w==" });
});

test("a handler that says no, or gave up, is exit code 4; a deadline that passed is 5", async () => {
  const no = { request: async () => ({ ...reply, status: 409 }) };
  expect(await run(["request", "a", "k"], { client: no })).toMatchObject({ code: 4, stdout: "500" });
  const extensions = { requestId: ID };
  const gaveUp = new ShardcastError("SHARDCAST_ATTEMPTS_EXHAUSTED", "no disk", { extensions });
  expect(await run(["request", "a", "k"], { client: { request: () => Promise.reject(gaveUp) } })).toEqual({
    code: 4,
    stdout: "",
    stderr: `shardcast: SHARDCAST_ATTEMPTS_EXHAUSTED: no disk (request ${ID})\n`,
  });
  const late = new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", "no reply within 5 ms");
  expect((await run(["request", "a", "k"], { client: { request: () => Promise.reject(late) } })).code).toBe(
    5,
  );
});

test.each([
  ["send", "accounts", "4711", "deposit", "--delay", "1h"],
  ["request", "accounts", "4711", "deposit", "--delay", "1h", "--async"],
])("%s only puts it on the log and prints the id", async (...args) => {
  const asked: { readonly notBeforeMs?: number; readonly handler?: string }[] = [];
  const client: Partial<HttpClient> = {
    submit: async (_service, _key, _body, options = {}) => {
      asked.push(options);
      return { id: ID };
    },
  };
  const before = Date.now();
  expect(await run(args, { client })).toEqual({ code: 0, stdout: `${ID}\n`, stderr: "" });
  expect(asked[0]?.handler).toBe("deposit");
  expect(asked[0]?.notBeforeMs).toBeGreaterThanOrEqual(before + 3_600_000);
});

test("a key that begins with a dash goes behind --, and digits stay text", async () => {
  const keys: unknown[] = [];
  const client: Partial<HttpClient> = {
    submit: async (_service, key) => {
      keys.push(key);
      return { id: ID };
    },
  };
  await run(["send", "accounts", "--", "-k", "--help"], { client });
  await run(["send", "accounts", "-0070"], { client });
  await run(["send", "accounts", "1e3"], { client });
  expect(keys).toEqual(["-k", "-0070", "1e3"]);
});

test.each<[RequestStatus, number, string, string]>([
  [{ state: "pending", id: ID }, 5, "", "not ended: pending\n"],
  [
    { state: "retrying", id: ID, attempt: 2, reason: "no\ndisk" },
    5,
    "",
    "not ended: retrying, attempt 2: no disk\n",
  ],
  [{ ...reply, state: "ended", end: "replied" }, 0, "500", ""],
  [
    {
      ...reply,
      state: "ended",
      end: "expired",
      error: new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", "late"),
    },
    5,
    "",
    "expired: SHARDCAST_DEADLINE_EXCEEDED: late\n",
  ],
])("the result %j is exit code %d", async (known, code, stdout, stderr) => {
  const client = { result: async () => known };
  expect(await run(["result", "accounts", ID], { client })).toEqual({ code, stdout, stderr });
});

test("one broadcast is shown whole, or as the gateway says it", async () => {
  const members = Array.from({ length: 50 }, (_, ordinal) => acked(String(ordinal)));
  const { client } = scripted({ accepted: status([...members, member("50")]) });
  const shown = await run(["status", "accounts", ID], { client, terminal: { columns: 80, rows: 10 } });
  expect([shown.code, shown.stdout.trimEnd().split("\n").length]).toEqual([0, 53]);
  const json = await run(["status", "accounts", ID, "--json"], { client });
  expect(JSON.parse(json.stdout)).toMatchObject({ id: ID, members: expect.arrayContaining([]) });
});

test("a list goes over as many pages as it takes, and says when there are more", async () => {
  const queries: unknown[] = [];
  const item = status([acked("0")], { verdict: "failed", reason: "cancelled" });
  const broadcasts = {
    list: async (_service: string, query: { readonly limit?: number }) => {
      queries.push(query);
      return { items: Array.from({ length: query.limit ?? 0 }, () => item), next: "more" };
    },
  } as unknown as HttpClient["broadcasts"];
  const args = ["status", "accounts", "--limit", "600", "--state", "ended"];
  const { stdout, stderr } = await run(args, { client: { broadcasts } });
  expect(queries).toEqual([
    { state: "ended", limit: 500 },
    { state: "ended", limit: 100, after: "more" },
  ]);
  expect(stdout.split("\n")[0]).toMatch(/^ID +HANDLER +ACK +VERDICT +ACCEPTED +MEMBERS$/);
  expect(stdout.split("\n")[1]).toMatch(
    new RegExp(`^${ID} +reload +all +failed \\(cancelled\\) .* ago +1 acked$`),
  );
  expect(stderr).toContain("there are more");
});

test("owner and shards are tables, or what the gateway says", async () => {
  const lane = { lane: 2, ordinal: 1, state: "owned", member: "1", fencingToken: 7 } as const;
  const shards = {
    service: "a",
    epoch: 3,
    replicas: 2,
    lanes: [lane],
    members: [{ member: "1", state: "up" }],
  } as const;
  const client: Partial<HttpClient> = {
    owner: async () => ({ ...lane, service: "a", epoch: 3, replicas: 2 }),
    shards: async () => shards,
  };
  const owner = await run(["owner", "a", "4711"], { client });
  expect(owner.stdout).toMatch(/^4711 +2 +owned +1 +1 +- +7 +3$/m);
  expect((await run(["shards", "a"], { client })).stdout).toMatch(/^1 +up +1 +-$/m);
  expect(JSON.parse((await run(["shards", "a", "--json"], { client })).stdout)).toEqual(shards);
});
