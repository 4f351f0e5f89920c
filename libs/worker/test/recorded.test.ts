import { fingerprintOf, newRequestId, type RequestEnvelope } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { RetryableError, TerminalError } from "../src/index.ts";
import { commitsThrough } from "./support/commits.ts";
import { Stage } from "./support/stage.ts";
import { DEAD, quiet, RESULTS, until, World } from "./support/world.ts";

const replyTo = { partition: 0, instance: "someone" };
const MODES = ["at-least-once", "exactly-once"] as const;

function recorded(fields: Partial<RequestEnvelope> = {}) {
  return { id: newRequestId(0), replyTo, recording: "outcome" as const, ...fields };
}

async function worldOf(
  options: Parameters<World["start"]>[0] = {},
  cluster: { maxRecordBytes?: number } = {},
) {
  const world = await World.open(cluster);
  const stage = new Stage();
  const { worker } = await world.start({ defaultHandler: stage.handler, ...options });
  return { world, stage, worker };
}

test.each(MODES)(
  "C3 C5: %s: a result is what was replied, in the commit that counts it as done",
  async (delivery) => {
    const world = await World.open();
    const stage = new Stage();
    const log = commitsThrough(world, async (work, session) => {
      const outcome = await session.commit(work);
      if (world.ends().length > 0) expect(world.committed()).toBe("1:");
      else expect(world.replies()).toEqual([]);
      return outcome;
    });
    await world.start({ delivery, log, defaultHandler: stage.handler });
    const request = recorded({
      replyTo: { ...replyTo, correlation: "mine" },
      contentType: "a/b",
      attempt: 2,
    });
    await world.send("k", "body", request);
    (await stage.started(1)).end({ balance: 7 });
    await until(() => expect(world.replies()).toHaveLength(1));
    const [end] = world.ends();
    const [answer] = world.answers();
    expect(end).toMatchObject({ id: request.id, end: "replied", attempts: 1, delivery: 2, status: 200 });
    expect(end?.fingerprint).toBe(
      fingerprintOf({ handler: "", contentType: "a/b", body: Buffer.from("body") }),
    );
    expect(answer).toMatchObject({ id: request.id, correlation: "mine", fencingToken: end?.fencingToken });
    expect(answer?.body).toEqual(end?.body);
    expect(answer?.contentType).toBe(end?.contentType);
  },
);

test("C3: each way to end is recorded, with the problem that is replied", async () => {
  const { world } = await worldOf({
    maxAttempts: 1,
    handlers: {
      refuse: () => Promise.reject(new TerminalError("no", { status: 409 })),
      fail: () => Promise.reject(new Error("boom")),
    },
  });
  await world.send("a", "", recorded({ handler: "refuse" }));
  await world.send("a", "", recorded({ handler: "fail" }));
  await world.send("a", "", recorded({ deadlineMs: Date.now() - 1_000 }));
  await until(() => expect(world.replies()).toHaveLength(3));
  expect(world.ends().map(({ end, status, error }) => [end, status, error])).toEqual([
    ["failed", 409, "SHARDCAST_HANDLER_REFUSED"],
    ["dead-lettered", 502, "SHARDCAST_ATTEMPTS_EXHAUSTED"],
    ["expired", 504, "SHARDCAST_DEADLINE_EXCEEDED"],
  ]);
  expect(world.answers().map(({ body }) => body)).toEqual(world.ends().map(({ body }) => body));
  expect(world.records(DEAD)).toHaveLength(1);
});

test("C3: what nobody waits for ends exactly once: a refusal that is recorded is no dead letter", async () => {
  const { world } = await worldOf({
    handlers: { refuse: () => Promise.reject(new TerminalError("no")) },
  });
  await world.send("a", "", { id: newRequestId(0), recording: "outcome", handler: "refuse" });
  await world.committedAt(1);
  expect(world.ends().map(({ end }) => end)).toEqual(["failed"]);
  expect(world.records(DEAD)).toEqual([]);
  expect(world.replies()).toEqual([]);
});

test.each(MODES)(
  "%s: an answer that the log does not take is recorded and replied as too large",
  async (delivery) => {
    const { world, stage } = await worldOf({ delivery }, { maxRecordBytes: 2_000 });
    await world.send("k", "", recorded());
    (await stage.started(1)).end(Buffer.alloc(3_000));
    await until(() => expect(world.replies()).toHaveLength(1));
    expect(world.ends()).toMatchObject([{ end: "failed", error: "SHARDCAST_REPLY_TOO_LARGE", status: 502 }]);
    expect(world.answers()[0]?.body).toEqual(world.ends()[0]?.body);
  },
);

test("what is not to be recorded is not", async () => {
  const { world, stage } = await worldOf();
  await world.send("k", "", { replyTo });
  (await stage.started(1)).end("answer");
  await until(() => expect(world.replies()).toHaveLength(1));
  await world.committedAt(1);
  expect(world.records(RESULTS)).toEqual([]);
});

test.each(MODES)(
  "C5: %s: who repeats a request gets its answer, by a correlation of his own, and it does not run again",
  async (delivery) => {
    const { world, stage } = await worldOf({ delivery });
    const request = recorded();
    const ask = (correlation: string) =>
      world.send("k", "body", { ...request, replyTo: { ...replyTo, correlation } });
    await ask("first");
    await ask("meanwhile");
    const call = await stage.started(1);
    await quiet();
    expect(stage.calls).toHaveLength(1);
    call.end({ balance: 7 });
    await until(() => expect(world.replies()).toHaveLength(2));
    await ask("later");
    await until(() => expect(world.replies()).toHaveLength(3));
    const answers = world.answers();
    expect(answers.map(({ correlation }) => correlation)).toEqual(["first", "meanwhile", "later"]);
    for (const { status, contentType, body } of answers) {
      expect({ status, contentType, body }).toMatchObject({ status: 200, contentType: "application/json" });
      expect(body.toString()).toBe('{"balance":7}');
    }
    await world.committedAt(3);
    expect(stage.calls).toHaveLength(1);
    expect(world.ends()).toHaveLength(1);
  },
);

test("C5: a refusal is repeated as well; with another body, handler or type the key is refused", async () => {
  const { world, stage } = await worldOf();
  const request = recorded({ contentType: "a/b" });
  await world.send("k", "body", request);
  (await stage.started(1)).fail(new TerminalError("no", { status: 409, details: { why: "so" } }));
  await world.send("k", "body", request);
  await world.send("k", "other body", request);
  await world.send("k", "body", { ...request, handler: "other" });
  await world.send("k", "body", { ...request, contentType: "c/d" });
  await until(() => expect(world.replies()).toHaveLength(5));
  expect(world.answers().map(({ status, error }) => [status, error])).toEqual([
    [409, "SHARDCAST_HANDLER_REFUSED"],
    [409, "SHARDCAST_HANDLER_REFUSED"],
    [422, "SHARDCAST_IDEMPOTENCY_MISMATCH"],
    [422, "SHARDCAST_IDEMPOTENCY_MISMATCH"],
    [422, "SHARDCAST_IDEMPOTENCY_MISMATCH"],
  ]);
  await world.committedAt(5);
  expect(stage.calls).toHaveLength(1);
  expect(world.ends()).toHaveLength(1);
  expect(world.records(DEAD)).toEqual([]);
});

test("C5: what expired never completed: it runs when it is sent again, once", async () => {
  const { world, stage } = await worldOf();
  const request = recorded();
  await world.send("k", "body", { ...request, deadlineMs: Date.now() - 1_000 });
  await until(() => expect(world.replies()).toHaveLength(1));
  await world.send("k", "body", request);
  (await stage.started(1)).end("answer");
  await world.send("k", "body", request);
  await until(() => expect(world.replies()).toHaveLength(3));
  expect(world.answers().map(({ status }) => status)).toEqual([504, 200, 200]);
  expect(world.ends().map(({ end }) => end)).toEqual(["expired", "replied"]);
  expect(stage.calls).toHaveLength(1);
});

test("a redrive, whose attempt is greater than what is recorded, runs", async () => {
  const { world, stage } = await worldOf({ maxAttempts: 1 });
  const request = recorded();
  await world.send("k", "body", request);
  (await stage.started(1)).fail(new Error("boom"));
  await world.send("k", "body", { ...request, attempt: 2 });
  (await stage.started(2)).end("answer");
  await world.send("k", "body", request);
  await until(() => expect(world.replies()).toHaveLength(3));
  expect(world.ends().map(({ end, delivery }) => [end, delivery])).toEqual([
    ["dead-lettered", 1],
    ["replied", 2],
  ]);
  expect(world.answers().map(({ status }) => status)).toEqual([502, 200, 200]);
  expect(stage.calls).toHaveLength(2);
});

test("C5: the next owner knows what the one before recorded, before its first handler", async () => {
  const world = await World.open();
  const stage = new Stage();
  const request = recorded();
  const { worker, log } = await world.start({ podUid: "p", defaultHandler: stage.handler });
  await world.send("k", "body", request);
  (await stage.started(1)).end("answer");
  await until(() => expect(world.replies()).toHaveLength(1));
  await log.close();
  void worker.stop();
  await world.send("k", "body", request);
  const next = new Stage();
  await world.start({ podUid: "p", defaultHandler: next.handler });
  await until(() => expect(world.replies()).toHaveLength(2));
  expect(world.answers()[1]?.body.toString()).toBe("answer");
  expect(next.calls).toEqual([]);
});

test("with its progress recorded, attempts are told as they start and fail", async () => {
  const { world, stage } = await worldOf({ maxAttempts: 3 });
  const request = recorded({ recording: "progress" });
  await world.send("k", "body", request);
  (await stage.started(1)).fail(new RetryableError("not yet"));
  (await stage.started(2)).end("answer");
  await until(() => expect(world.replies()).toHaveLength(1));
  const told = world.results().map((each) => ("attempt" in each ? [each.kind, each.attempt] : [each.kind]));
  expect(told).toEqual([["running", 1], ["retrying", 1], ["running", 2], ["ended"]]);
  expect(world.results()[1]).toMatchObject({ id: request.id, reason: "not yet", delivery: 1 });
  expect(world.ends()[0]).toMatchObject({ attempts: 2 });
});

test("an attempt that is the last is not told as one that is followed by another", async () => {
  const { world, stage } = await worldOf({ maxAttempts: 1 });
  await world.send("k", "body", recorded({ recording: "progress" }));
  (await stage.started(1)).fail(new Error("boom"));
  await until(() => expect(world.replies()).toHaveLength(1));
  expect(world.results().map(({ kind }) => kind)).toEqual(["running", "ended"]);
});

test("C4: a result is replied to who waits only after it is committed", async () => {
  const world = await World.open();
  const stage = new Stage();
  const gate = Promise.withResolvers<void>();
  let held = 0;
  const log = commitsThrough(world, async (work, session) => {
    if ((work.progress?.length ?? 0) > 0 && (work.records?.length ?? 0) > 0 && held++ === 0)
      await gate.promise;
    return session.commit(work);
  });
  await world.start({ log, leaseMs: 600_000, defaultHandler: stage.handler });
  await world.send("k", "first", recorded());
  await world.send("k", "second", { replyTo });
  (await stage.started(1)).end("answer");
  await until(() => expect(held).toBe(1));
  await quiet();
  expect(world.replies()).toEqual([]);
  expect(stage.calls).toHaveLength(1);
  gate.resolve();
  (await stage.call("second")).end("answer");
  await until(() => expect(world.replies()).toHaveLength(2));
});
