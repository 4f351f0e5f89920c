import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@shardcast/client";
import { createKafkaLog } from "@shardcast/log-kafka";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";
import type { Effect } from "../src/index.ts";
import { temporaryDir } from "./support/accounts.ts";
import { type ReplicaProcess, runMain } from "./support/process.ts";

const SERVICE = "accounts";

/** Lines of the program's log; the last may not be whole yet. */
function logged(run: ReplicaProcess): { msg: string; [member: string]: unknown }[] {
  return run
    .stdout()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

async function line(run: ReplicaProcess, msg: string) {
  await expect.poll(() => logged(run).map((each) => each.msg), { timeout: 30_000 }).toContain(msg);
  return logged(run).find((each) => each.msg === msg);
}

test("a replica serves, takes broadcasts, is fenced by its successor with exit code 1, and ends by SIGTERM with 0", async () => {
  const brokers = inject("kafkaBrokers");
  const topicPrefix = `accounts-main-${randomUUID()}.`;
  const dir = temporaryDir();
  const effectsFile = join(dir, "effects.jsonl");
  const env = {
    SHARDCAST_KAFKA_BROKERS: brokers.join(","),
    SHARDCAST_TOPIC_PREFIX: topicPrefix,
    SHARDCAST_REPLICAS: "1",
    SHARDCAST_MEMBER: "accounts-0",
    ACCOUNTS_DIR: join(dir, "ledger"),
    ACCOUNTS_EFFECTS_FILE: effectsFile,
    ACCOUNTS_HEALTH_PORT: "0",
  };
  const first = runMain(env);
  await line(first, "owning lanes");
  const { port } = (await line(first, "health is served")) as unknown as { port: number };
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);

  const log = createKafkaLog({ brokers, logger: pino({ level: "silent" }) }, {});
  const client = await connect({ log, topicPrefix, services: { [SERVICE]: { lanes: 1 } } });
  onTestFinished(async () => {
    await client.close();
    await log.close();
  });
  const deposit = async () => {
    const { body } = await client.request(SERVICE, "alice", { cents: 100 }, { handler: "deposit" });
    return JSON.parse(body.toString()) as { balance: number };
  };
  expect(await deposit()).toMatchObject({ balance: 100 });
  const read = await fetch(`http://127.0.0.1:${port}/accounts/alice`);
  expect(await read.json()).toMatchObject({ balance: 100, handledBy: { member: "0", lane: 0 } });
  const table = { tiers: [{ fromCents: 0, percent: 1.5 }] };
  const told = await client.broadcast(SERVICE, table, { handler: "interest-changed" });
  expect(await told.ended).toMatchObject({
    verdict: "satisfied",
    members: [{ member: "0", state: "acked" }],
  });

  const second = runMain(env);
  await line(second, "owning lanes");
  expect(await first.exited).toBe(1);
  expect(await deposit()).toMatchObject({ balance: 200 });
  const { body } = await client.request(SERVICE, "alice", undefined, { handler: "balance" });
  expect(JSON.parse(body.toString())).toMatchObject({ interestPercent: 1.5 });

  second.child.kill("SIGTERM");
  expect(await second.exited).toBe(0);
  const effects = readFileSync(effectsFile, "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as Effect);
  const booked = effects.filter(({ repeated }) => !repeated);
  expect(booked.map(({ key, lane, member, pid }) => ({ key, lane, member, pid }))).toEqual(
    [first, second].map(({ child }) => ({ key: "alice", lane: 0, member: "0", pid: child.pid })),
  );
});
