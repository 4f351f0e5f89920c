import { encodeRequest, ShardcastError, VERSION_HEADER } from "@shardcast/protocol";
import { describe, expect, test, vi } from "vitest";
import { TerminalError } from "../src/index.ts";
import { Stage } from "./support/stage.ts";
import { DEAD, REPLIES, REQUESTS, World } from "./support/world.ts";

const replyTo = { partition: 0, instance: "someone" };

describe("a record that is no request", () => {
  test.each([
    ["without a key", { key: null }, "SHARDCAST_MALFORMED_RECORD", /no key/],
    [
      "of a newer version",
      { headers: { [VERSION_HEADER]: Buffer.from([99]) } },
      "SHARDCAST_UNSUPPORTED_VERSION",
      /99/,
    ],
    [
      "with a garbled version",
      { headers: { [VERSION_HEADER]: "??" } },
      "SHARDCAST_MALFORMED_RECORD",
      /sc-version/,
    ],
    [
      "without an id",
      { headers: { [VERSION_HEADER]: Buffer.from([1]) } },
      "SHARDCAST_MALFORMED_RECORD",
      /sc-id/,
    ],
  ])("%s goes to the dead letters with why, and the lane goes on", async (_, fault, code, reason) => {
    const world = await World.open();
    const handler = vi.fn();
    await world.append({ key: Buffer.from("k"), value: Buffer.from("v"), ...fault });
    await world.send("k", "good");
    await world.start({ defaultHandler: handler });
    await world.committedAt(2);
    expect(handler.mock.calls.map(([request]) => request.text())).toEqual(["good"]);
    const [letter, ...others] = await world.dead(1);
    expect(others).toEqual([]);
    expect(letter?.value).toEqual(Buffer.from("v"));
    expect(letter?.text).toMatchObject({
      "sc-dead-code": code,
      "sc-dead-reason": expect.stringMatching(reason),
      "sc-dead-attempts": "0",
      "sc-dead-origin": `${REQUESTS}/0/0`,
    });
  });

  test("is kept in full, without its value, or by its origin alone: whatever the log still takes", async () => {
    const world = await World.open({ maxRecordBytes: 2_000 });
    const text = (length: number) => "x".repeat(length);
    await world.append({ value: Buffer.alloc(1_990) });
    await world.append({ value: Buffer.alloc(10), headers: { own: text(1_950) } });
    await world.append({
      key: Buffer.from(text(1_000)),
      headers: { [VERSION_HEADER]: "??", own: text(970) },
    });
    await world.start({ defaultHandler: () => {} });
    const letters = await world.dead(3);
    const origins = letters.map(({ text }) => text["sc-dead-origin"]).sort();
    expect(origins).toEqual([0, 1, 2].map((offset) => `${REQUESTS}/0/${offset}`));
    for (const letter of letters) {
      expect(letter.text).toMatchObject({
        "sc-dead-truncated": "true",
        "sc-dead-code": "SHARDCAST_MALFORMED_RECORD",
      });
      expect([letter.key, letter.value, letter.text.own]).toEqual([null, null, undefined]);
    }
    await world.committedAt(3);
  });

  test("that is too large only for its value keeps its headers", async () => {
    const world = await World.open({ maxRecordBytes: 2_000 });
    await world.append({ value: Buffer.alloc(1_900), headers: { own: "header" } });
    await world.start({ defaultHandler: () => {} });
    const [letter] = await world.dead(1);
    expect(letter?.value).toBeNull();
    expect(letter?.text).toMatchObject({ own: "header", "sc-dead-truncated": "true" });
  });
});

test("a stranger's record without headers goes to the default handler, its id made from where it lies", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ handlers: { other: () => {} }, defaultHandler: stage.handler });
  await world.append({ key: Buffer.from([0xff, 0x00]), value: Buffer.from("event") });
  const { request, context, end } = await stage.started(1);
  expect(request).toMatchObject({
    id: `${REQUESTS}-0-0`,
    handler: "",
    keyBytes: Buffer.from([0xff, 0x00]),
    contentType: undefined,
    headers: {},
  });
  expect(context).toMatchObject({ attempt: 1, deadlineMs: undefined, traceparent: undefined });
  end();
  await world.committedAt(1);
});

describe("a request for a handler that is not there", () => {
  test("is refused to its caller, and buried when nobody waits; the lane goes on", async () => {
    const world = await World.open();
    await world.start({ handlers: { known: () => "known" } });
    const client = await world.client();
    for (const handler of ["unknown", "constructor", ""]) {
      await expect(client.request("accounts", "k", "", { handler })).rejects.toMatchObject({
        code: "SHARDCAST_UNKNOWN_HANDLER",
        status: 404,
      });
    }
    expect(world.records(DEAD)).toEqual([]);
    await client.send("accounts", "k", "", { handler: "unknown" });
    const [letter] = await world.dead(1);
    expect(letter?.text).toMatchObject({
      "sc-dead-code": "SHARDCAST_UNKNOWN_HANDLER",
      "sc-dead-attempts": "0",
    });
    expect((await client.request("accounts", "k", "", { handler: "known" })).body.toString()).toBe("known");
  });
});

describe("a reply that the log does not take", () => {
  test("for its size is told to the caller as such, once; the handler is not called again", async () => {
    const world = await World.open({ maxRecordBytes: 2_000 });
    const handler = vi.fn(() => "x".repeat(3_000));
    await world.start({ defaultHandler: handler });
    const client = await world.client();
    await expect(client.request("accounts", "k")).rejects.toMatchObject({
      code: "SHARDCAST_REPLY_TOO_LARGE",
      status: 502,
      message: "the reply has 3000 bytes",
    });
    await world.committedAt(1);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(world.records(DEAD)).toEqual([]);
  });

  test("for the size of an error is told as well", async () => {
    const world = await World.open({ maxRecordBytes: 2_000 });
    await world.start({
      defaultHandler: () => {
        throw new TerminalError("x".repeat(3_000));
      },
    });
    await expect((await world.client()).request("accounts", "k")).rejects.toMatchObject({
      code: "SHARDCAST_REPLY_TOO_LARGE",
    });
    await world.committedAt(1);
  });

  test("for a partition that is not there is logged and dropped; the lane goes on", async () => {
    const world = await World.open();
    const handler = vi.fn();
    await world.start({ defaultHandler: handler });
    await world.send("k", "first", { replyTo: { partition: 4711, instance: "nobody" } });
    await world.send("k", "second", { replyTo });
    await world.committedAt(2);
    expect(handler).toHaveBeenCalledTimes(2);
    expect(world.logged("no such partition of replies; reply dropped")).toMatchObject([
      { partition: 4711, instance: "nobody", level: 50 },
    ]);
    expect(world.records(REPLIES)).toHaveLength(1);
  });

  test("that the log refuses for a moment is tried again, and answered (C3)", async () => {
    const world = await World.open();
    const { worker, log } = world.worker({ defaultHandler: () => "answer" });
    const append = log.append.bind(log);
    let refusals = 3;
    log.append = (record) =>
      record.topic === REPLIES && refusals-- > 0
        ? Promise.reject(
            new ShardcastError("SHARDCAST_LOG_REFUSED", "this broker does not know the topic yet"),
          )
        : append(record);
    await worker.start();
    await world.send("k", "first", { replyTo });
    await world.committedAt(1);
    expect(world.records(REPLIES)).toHaveLength(1);
  });
});

test("a request of another service on this topic is not handled", async () => {
  const world = await World.open();
  const handler = vi.fn();
  const wire = encodeRequest({
    id: "1",
    service: "other",
    key: Buffer.from("k"),
    handler: "",
    attempt: 1,
    headers: {},
    body: Buffer.alloc(0),
  });
  await world.append(wire);
  await world.start({ defaultHandler: handler });
  const [letter] = await world.dead(1);
  expect(letter?.text["sc-dead-reason"]).toMatch(/for service other/);
  expect(handler).not.toHaveBeenCalled();
});
