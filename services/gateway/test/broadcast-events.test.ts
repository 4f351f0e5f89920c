import { once } from "node:events";
import type { BroadcastStatusJson, MemberOutcomeJson } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { broadcastTeller } from "../src/broadcasts/event-teller.ts";
import { broadcast, get, PATH, startMembers, stateOf, statusOf } from "./support/broadcasts.ts";
import { call } from "./support/http.ts";
import { eventsOf, parseEvents, type Stream, stream, unchunked } from "./support/sse.ts";

const seenIn = ({ seen }: Stream) => parseEvents(unchunked(seen.text));
const states = ({ members }: Pick<BroadcastStatusJson, "members">) => members.map(({ state }) => state);

/** What events say, in short. */
function told(events: ReturnType<typeof parseEvents>): unknown[] {
  return events.map(({ event, data }) => {
    if (event !== "member") return [event, data.verdict];
    return [event, data.member, data.state];
  });
}

describe("GET /v1/{service}/broadcasts/{id}/events", () => {
  it("C6: tells how it stands, each change of a member, and the verdict; ends when all is said", async () => {
    const { gateway, run, ack, fail } = await startMembers();
    const id = await broadcast(gateway, "?ack=1");
    const open = await stream(gateway, `${PATH}/${id}/events`);
    await expect.poll(() => told(seenIn(open))).toEqual([["status", "open"]]);
    await run(id, "1");
    await ack(id, "1");
    await fail(id, "0");
    await ack(id, "2");
    const text = await open.text();
    expect(text).toMatch(/content-type: text\/event-stream\r\n/i);
    expect(text).toMatch(/cache-control: no-store\r\n/i);
    const events = parseEvents(unchunked(text));
    const finals = [
      ["member", "0", "failed"],
      ["member", "1", "acked"],
      ["member", "2", "acked"],
    ];
    expect(told(events)).toEqual(expect.arrayContaining([["verdict", "satisfied"], ...finals]));
    // Those that come together may be told in one.
    expect(told(events).filter((each) => String(each) !== "member,1,running")).toHaveLength(5);
    const acked = events.find(({ data }) => data.member === "1" && data.state === "acked");
    expect(acked?.data).toMatchObject({ attempt: 1, reply: { status: 200, body: "done by 1" } });
    const ids = events.map((event) => event.id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(ids.at(-1)).toBe(5);
  });

  it("tells who comes later all of it at once, and who has seen all of it that there is no more", async () => {
    const { gateway, cluster, ack } = await startMembers({ services: "accounts=3/1" });
    const id = await broadcast(gateway);
    await ack(id, "0");
    await call(gateway, `${PATH}/${id}?wait=30`, get);
    const { gateway: late } = await startMembers({ cluster, services: "accounts=3/1" });
    for (const each of [gateway, late]) {
      const events = eventsOf(await call(each, `${PATH}/${id}/events`, get));
      expect(told(events)).toEqual([
        ["status", "satisfied"],
        ["verdict", "satisfied"],
      ]);
      expect(events[0]?.data).toEqual(statusOf(await call(gateway, `${PATH}/${id}`, get)));
      const headers = { "last-event-id": String(events.at(-1)?.id) };
      expect((await call(each, `${PATH}/${id}/events`, { ...get, headers })).status).toBe(204);
      // Cut off between the two, the verdict would be lost.
      const cut = { "last-event-id": String(events[0]?.id) };
      const rest = eventsOf(await call(each, `${PATH}/${id}/events`, { ...get, headers: cut }));
      expect(told(rest)).toContainEqual(["verdict", "satisfied"]);
    }
  });

  it("C6: goes on at another gateway behind the last event that was seen, with what has changed since", async () => {
    const { gateway, cluster, ack, fail } = await startMembers();
    const { gateway: other } = await startMembers({ cluster });
    const id = await broadcast(gateway);
    const first = await stream(gateway, `${PATH}/${id}/events`);
    await expect.poll(() => told(seenIn(first))).toEqual([["status", "open"]]);
    await ack(id, "2");
    await expect.poll(() => told(seenIn(first))).toContainEqual(["member", "2", "acked"]);
    const headers = { "last-event-id": String(seenIn(first).at(-1)?.id) };
    first.socket.destroy();
    await gateway.close();
    await fail(id, "0");
    await expect.poll(() => stateOf(other, id)).toEqual(["failed", "waiting", "acked"]);
    const second = await stream(other, `${PATH}/${id}/events`, { headers });
    await expect.poll(() => told(seenIn(second)).length).toBe(2);
    await ack(id, "1");
    const events = parseEvents(unchunked(await second.text()));
    expect(told(events)).toEqual([
      ["status", "open"],
      ["member", "0", "failed"],
      ["member", "1", "acked"],
      ["verdict", "partly"],
    ]);
    const [status] = events;
    expect(states(status?.data as never)).toEqual(["failed", "waiting", "acked"]);
    const ids = events.map((event) => event.id);
    // Behind any of them, what has not been told yet is told again.
    expect(ids).toEqual([2, 3, 3, 4]);
  });

  it("takes an id that is not ours for none, and one that it has not read of yet for a start", async () => {
    const { gateway } = await startMembers();
    const id = await broadcast(gateway);
    for (const lastEventId of ["another's", "99"]) {
      const open = await stream(gateway, `${PATH}/${id}/events`, {
        headers: { "last-event-id": lastEventId },
      });
      await expect.poll(() => told(seenIn(open))).toEqual([["status", "open"]]);
      open.socket.destroy();
    }
  });

  it("C7: is in flight while it is read, and gone with its connection", async () => {
    const { gateway } = await startMembers({ maxInFlight: 2 });
    const id = await broadcast(gateway);
    const streams = await Promise.all([1, 2].map(() => stream(gateway, `${PATH}/${id}/events`)));
    const busy = async () => (await call(gateway, `${PATH}/${id}`, get)).status;
    await expect.poll(busy).toBe(503);
    for (const { socket } of streams) socket.destroy();
    await expect.poll(busy).toBe(200);
  });

  it("says now and then that it lives, and ends when the gateway closes", async () => {
    const { gateway } = await startMembers({ eventHeartbeatMs: 5, shutdownGraceMs: 60_000 });
    const id = await broadcast(gateway);
    const open = await stream(gateway, `${PATH}/${id}/events`);
    await expect.poll(() => [...open.seen.text.matchAll(/^:\n\n/gm)].length).toBeGreaterThan(2);
    await gateway.close();
    expect(await open.text()).toMatch(/connection: close[\s\S]*\r\n0\r\n\r\n$/i);
  });
});

describe("broadcastTeller", () => {
  const member = (name: string): MemberOutcomeJson & { state: "gone" } => ({
    ...{ member: name, kind: "durable", state: "gone", atMs: 1 },
  });
  const status = (verdict: "open" | "failed") =>
    ({ id: "x", verdict, members: [member("0"), member("1")] }) as unknown as BroadcastStatusJson & {
      members: never[];
    };

  it("gives the last event of a change alone its seq: none is lost with a connection", () => {
    const { tell } = broadcastTeller(3);
    const members = [member("0"), member("1")];
    const events = parseEvents(tell({ seq: 5, members, status: status("failed") }).join(""));
    expect(events.map(({ event, id }) => [event, id])).toEqual([
      ["status", 3],
      ["member", 3],
      ["member", 3],
      ["verdict", 5],
    ]);
  });

  it("tells the verdict once, and leaves out the id where there is none to go on behind", () => {
    const { tell } = broadcastTeller(-1);
    const first = tell({ seq: 0, members: [], status: status("failed") });
    expect(parseEvents(first.join("")).map(({ event, id }) => [event, id])).toEqual([
      ["status", Number.NaN],
      ["verdict", 0],
    ]);
    const next = tell({ seq: 1, members: [member("0")], status: status("failed") });
    expect(parseEvents(next.join("")).map(({ event, id }) => [event, id])).toEqual([["member", 1]]);
  });

  it("says why it can not tell any more, without moving on", () => {
    const { problem } = broadcastTeller(3);
    expect(parseEvents(problem(new Error("no")))).toMatchObject([
      { id: Number.NaN, event: "problem", data: { code: "SHARDCAST_INTERNAL" } },
    ]);
  });
});

describe("POST /v1/{service}/broadcasts with Accept: application/x-ndjson", () => {
  const NDJSON = { accept: "application/x-ndjson" };
  const linesOf = (text: string) =>
    unchunked(text)
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line.trim()));

  it("C6: is a stream of what each member has made of it, as it comes, and ends with the verdict", async () => {
    const { gateway, ack, fail, run, came } = await startMembers();
    const headers = { ...NDJSON, prefer: "wait=30" };
    const open = await stream(gateway, `${PATH}?handler=x`, { method: "POST", headers });
    await expect.poll(() => linesOf(open.seen.text)).toMatchObject([{ type: "accepted" }]);
    const { id = "" } = came()[0] ?? {};
    expect(open.seen.text).toMatch(/^HTTP\/1\.1 200 /);
    expect(open.seen.text).toMatch(/content-type: application\/x-ndjson\r\n/i);
    expect(open.seen.text).toMatch(/preference-applied: wait=30\r\n/i);
    expect(open.seen.text).toContain(`location: ${PATH}/${id}\r\n`);
    await run(id, "0");
    await ack(id, "1");
    await expect.poll(() => linesOf(open.seen.text).length).toBe(2);
    await fail(id, "2");
    await ack(id, "0");
    const lines = linesOf(await open.text());
    expect(lines).toMatchObject([
      { type: "accepted", status: { id, handler: "x", verdict: "open" } },
      { type: "member", outcome: { member: "1", state: "acked", reply: { body: "done by 1" } } },
      { type: "member", outcome: { member: "2", state: "failed", reason: "no luck" } },
      { type: "member", outcome: { member: "0", state: "acked" } },
      { type: "end", status: { id, verdict: "partly" } },
    ]);
  });

  it("waits for the default time without a preference, and says that it is over", async () => {
    const { gateway } = await startMembers({ defaultTimeoutMs: 10 });
    const answer = await call(gateway, PATH, { headers: NDJSON });
    expect([answer.status, answer.headers["preference-applied"]]).toEqual([200, undefined]);
    const lines = linesOf(answer.body.toString());
    expect(lines).toMatchObject([
      { type: "accepted" },
      { type: "end", status: { verdict: "open", reason: "deadline", partial: true } },
    ]);
  });

  it("ends with what is known when the gateway closes", async () => {
    const { gateway } = await startMembers({ shutdownGraceMs: 60_000 });
    const open = await stream(gateway, PATH, { method: "POST", headers: NDJSON });
    await expect.poll(() => linesOf(open.seen.text).length).toBe(1);
    await gateway.close();
    expect(linesOf(await open.text())).toMatchObject([{}, { type: "end", status: { verdict: "open" } }]);
  });

  it("C7: waits no longer for who has gone; the broadcast goes on (C6)", async () => {
    const { gateway, ack, came } = await startMembers({ maxInFlight: 1, services: "accounts=3/1" });
    const open = await stream(gateway, PATH, { method: "POST", headers: NDJSON });
    await expect.poll(() => linesOf(open.seen.text).length).toBe(1);
    open.socket.destroy();
    await once(open.socket, "close");
    const { id = "" } = came()[0] ?? {};
    await expect.poll(async () => (await call(gateway, `${PATH}/${id}`, get)).status).toBe(200);
    await ack(id, "0");
    await expect.poll(() => stateOf(gateway, id)).toEqual(["acked"]);
  });

  it("tells a refusal as a problem", async () => {
    const { gateway } = await startMembers({ services: "accounts=3/0" });
    const { status, headers } = await call(gateway, PATH, { headers: NDJSON });
    expect([status, headers["content-type"]]).toEqual([503, "application/problem+json"]);
  });
});
