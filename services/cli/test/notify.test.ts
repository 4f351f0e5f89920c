import { Readable } from "node:stream";
import { ShardcastError } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { acked, failed, ID, member, retrying, scripted, status } from "./support/broadcasts.ts";
import { interrupt, run } from "./support/world.ts";

const waiting = [member("0"), member("1")];

test("what is sent is what flags, variables and standard input say", async () => {
  const { client, asked } = scripted({
    accepted: status([], { verdict: "satisfied", reason: "not-awaited" }),
  });
  const args =
    "notify accounts --handler reload --ack 2 --ttl 5m --wait 10s --data @- --content-type text/plain";
  await run([...args.split(" "), "--header", "X-A=b=c", "--header", "d="], {
    client,
    stdin: Readable.from([Buffer.from("rates "), Buffer.from("of today")]),
    env: { SHARDCAST_ACK: "quorum", SHARDCAST_IDEMPOTENCY_KEY: "mine", SHARDCAST_JOB_NAME: "nightly-1" },
  });
  expect(asked).toEqual([
    {
      service: "accounts",
      body: "rates of today",
      options: {
        handler: "reload",
        ack: 2,
        ttlMs: 300_000,
        timeoutMs: 10_000,
        contentType: "text/plain",
        headers: { "x-a": "b=c", d: "" },
        idempotencyKey: "mine",
        signal: expect.any(AbortSignal),
      },
    },
  ]);
});

test("the run of a Job names the broadcast, so that a pod that is retried sends nothing new (C5)", async () => {
  const { client, asked } = scripted({
    accepted: status([], { verdict: "satisfied", reason: "not-awaited" }),
  });
  await run(["notify", "accounts"], { client, env: { SHARDCAST_JOB_NAME: "nightly-29384738" } });
  await run(["notify", "accounts"], { client, env: {} });
  expect(asked.map(({ options }) => options.idempotencyKey)).toEqual(["nightly-29384738", undefined]);
});

test("elsewhere than on a terminal each event is a line, and told once (C6)", async () => {
  const later = [
    status([acked("0"), member("1")]),
    status([acked("0"), retrying("1")]),
    status([acked("0"), retrying("1")]),
    status([acked("0"), acked("1", 3_100)], { verdict: "satisfied", reason: "all-answered", partial: false }),
  ];
  const { code, stdout, stderr } = await run(["notify", "accounts"], {
    client: scripted({ accepted: status(waiting), later }).client,
  });
  expect(stdout.split("\n")).toEqual([
    `accepted: accounts reload ${ID}: 2 members, ack all, ttl 1h00m`,
    "0 acked: attempt 1, after 400ms",
    "1 retrying: attempt 2, after 1.0s, no disk yet",
    "1 acked: attempt 1, after 3.1s",
    "satisfied (everything final was said): 2 of 2 members acknowledged",
    "",
  ]);
  expect([code, stderr]).toEqual([0, ""]);
});

test("with --json each event is an object, the last one with the verdict and the exit code", async () => {
  const end = status([acked("0"), failed("1")], { verdict: "partly", reason: "all-answered" });
  const { code, stdout } = await run(["notify", "accounts", "--json"], {
    client: scripted({ accepted: status(waiting), replayed: true, later: [end] }).client,
  });
  const lines = stdout.trimEnd().split("\n");
  const objects = lines.map((line) => JSON.parse(line));
  expect(objects.map(({ type }) => type)).toEqual(["accepted", "member", "member", "end"]);
  expect(objects[0]).toMatchObject({ id: ID, replayed: true, status: { verdict: "open" } });
  expect(objects[2].outcome).toMatchObject({ member: "1", state: "failed", attempts: 3, reason: "no disk" });
  expect(objects[3]).toMatchObject({ verdict: "partly", reason: "all-answered", exitCode: 3 });
  expect(objects[1].outcome.reply).toEqual({ status: 200, headers: {}, body: "" });
  expect(code).toBe(3);
});

test("nobody who acknowledged is exit code 4, and one that was decided before needs no events", async () => {
  const accepted = status([failed("0")], { verdict: "failed", reason: "all-answered" });
  const { client } = scripted({ accepted });
  const broken = { ...client, broadcasts: undefined } as unknown as typeof client;
  const { code, stdout } = await run(["notify", "accounts"], { client: broken });
  expect(code).toBe(4);
  expect(stdout).toContain("0 failed: attempt 3, after 2.0s, ATTEMPTS_EXHAUSTED: no disk\n");
});

test("a wait that is over without a verdict is exit code 5 and says how to go on", async () => {
  const { client } = scripted({ accepted: status(waiting), later: [status([acked("0"), member("1")])] });
  const args = ["notify", "accounts", "--wait", "1ms", "--gateway", "http://gw:1"];
  const { code, stdout, stderr } = await run(args, { client });
  expect(code).toBe(5);
  expect(stdout).toContain("open (not decided yet): 1 of 2 members acknowledged, 1 waiting\n");
  expect(stderr).toBe(
    [
      "no verdict within the wait; the broadcast goes on",
      `  look at it:  shardcast --gateway http://gw:1 status accounts ${ID} --watch`,
      `  cancel it:   shardcast --gateway http://gw:1 cancel accounts ${ID}`,
      "",
    ].join("\n"),
  );
});

test("Ctrl-C leaves the broadcast, tells how it stands and how to look at it, and is exit code 130 (C6)", async () => {
  const stop = new AbortController();
  const { client } = scripted({
    accepted: status(waiting),
    later: [status([acked("0"), member("1")])],
    onSilence: () => interrupt(stop),
  });
  const { code, stdout, stderr } = await run(["notify", "accounts", "--json"], { client, stop });
  expect(code).toBe(130);
  expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
    type: "end",
    verdict: "open",
    exitCode: 130,
    status: { members: [{ state: "acked" }, { state: "waiting" }] },
  });
  expect(stderr).toContain(`shardcast status accounts ${ID}`);
  expect(stderr).toContain(`shardcast cancel accounts ${ID}`);
});

test("Ctrl-C before the broadcast was accepted is exit code 130 as well", async () => {
  const stop = new AbortController();
  const { code, stderr } = await run(["notify", "accounts"], {
    stop,
    client: {
      broadcast: (_service, _body, { signal } = {}) =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(new ShardcastError("SHARDCAST_ABORTED", "aborted")));
          interrupt(stop);
        }),
    },
  });
  expect(code).toBe(130);
  expect(stderr).toContain("interrupted");
});

test("a gateway that does not answer within the wait is unreachable, however long its connection lasts", async () => {
  const { code, stderr } = await run(["notify", "accounts", "--wait", "1ms"], {
    client: {
      broadcast: (_service, _body, { signal } = {}) =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(new ShardcastError("SHARDCAST_ABORTED", "aborted")));
        }),
    },
  });
  expect(code).toBe(6);
  expect(stderr).toContain("did not answer within the wait");
});

test("what the gateway refuses is exit code 7, with its code and why on standard error", async () => {
  const error = new ShardcastError("SHARDCAST_NO_MEMBERS", "nobody takes broadcasts", {
    extensions: { hint: 1 },
  });
  const client = { broadcast: () => Promise.reject(error) };
  const plain = await run(["notify", "accounts"], { client });
  expect(plain).toEqual({
    code: 7,
    stdout: "",
    stderr: "shardcast: SHARDCAST_NO_MEMBERS: nobody takes broadcasts\n",
  });
  const json = await run(["notify", "accounts", "--json"], { client });
  expect(JSON.parse(json.stderr)).toEqual({
    type: "error",
    code: "SHARDCAST_NO_MEMBERS",
    detail: "nobody takes broadcasts",
    hint: 1,
    exitCode: 7,
  });
});

test("a redrive waits as notify does", async () => {
  const accepted = status([acked("1")], { verdict: "satisfied", reason: "all-answered", redriveOf: ID });
  const { client, asked } = scripted({ accepted });
  const args = ["redrive", "accounts", ID, "--ack", "quorum", "--wait", "2s"];
  expect((await run(args, { client })).code).toBe(0);
  const options = { ack: "quorum", timeoutMs: 2_000, signal: expect.any(AbortSignal) };
  expect(asked).toEqual([{ service: "accounts", body: ID, options }]);
});
