import type { LogRecord } from "@shardcast/log";
import {
  type DeadLetterReason,
  encodeDeadLetter,
  encodeRequest,
  encodeUnpark,
  ParkedKeys,
  type RequestEnvelope,
  ShardcastError,
} from "@shardcast/protocol";
import { pino } from "pino";
import { expect, test } from "vitest";
import { AdmittedRequest } from "../../src/execution/admitted-request.ts";
import type { Outcome } from "../../src/execution/outcome.ts";
import { Parking } from "../../src/execution/parking.ts";
import { until, World } from "../support/world.ts";

const WHY: DeadLetterReason = {
  code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
  reason: "broken",
  attempts: 1,
  origin: { topic: "accounts.requests", partition: 0, offset: 0 },
  member: "0",
  atMs: 1,
  parked: true,
};

function request(key: string): RequestEnvelope {
  const body = Buffer.alloc(0);
  return { id: "i", service: "accounts", key: Buffer.from(key), handler: "", attempt: 1, headers: {}, body };
}

test("C7: over the limit a further key is not parked but goes on, and says so; one that is parked stays so", () => {
  const keys = new ParkedKeys();
  for (let offset = 0; offset < 10_000; offset++) {
    keys.learn({ ...encodeDeadLetter(encodeRequest(request(`key-${offset}`)), WHY), offset });
  }
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  const parking = new Parking({ keys, caughtUp: async () => {}, logger });
  const error = new ShardcastError("SHARDCAST_ATTEMPTS_EXHAUSTED", "broken");
  const exhausted: Outcome = { kind: "exhausted", error, attempts: 1 };
  expect(parking.judge(request("one more"), exhausted)).toEqual(exhausted);
  expect(lines.join()).toContain("too many keys are parked");
  expect(parking.judge(request("key-7"), exhausted)).toMatchObject({ parks: true });
});

test("C1: what unparks a key has no id by which a cancel could have it come before its turn", () => {
  const said = { redriveId: "redrive", key: Buffer.from("k"), upTo: 1 };
  const record: LogRecord = {
    ...{ topic: "accounts.requests", partition: 0, offset: 3, timestampMs: 0 },
    ...encodeUnpark("accounts", said),
  };
  expect(new AdmittedRequest(record, "k").id).toBe("");
});

test("C9: a request whose letter has room for its key alone parks that key all the same", async () => {
  const world = await World.open({ maxRecordBytes: 1_000 });
  const calls: string[] = [];
  await world.send("k", "1", { headers: { "x-long": "x".repeat(850) } });
  await world.send("k", "2");
  await world.start({
    onExhausted: "park",
    maxAttempts: 1,
    defaultHandler: (request) => {
      calls.push(request.text());
      throw new Error("broken");
    },
  });
  await world.committedAt(2);
  const letters = await world.dead(2);
  expect(letters.map(({ key }) => key?.toString())).toEqual(["k", "k"]);
  expect(letters.map(({ text }) => [text["sc-dead-truncated"], text["sc-dead-parked"]])).toEqual([
    ["true", "true"],
    [undefined, "true"],
  ]);
  await until(() => expect(calls).toEqual(["1"]));
});
