import type { AddressInfo } from "node:net";
import { DeadLettersByService } from "@shardcast/dead-letters";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import {
  type DeadLetterReason,
  decodeRequest,
  encodeDeadLetter,
  encodeRequest,
  type RequestEnvelope,
  topicsOf,
} from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { type FastifyReply, fastify } from "fastify";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { openBackend } from "../src/backend.ts";
import type { Gateway } from "../src/index.ts";
import { resolveGatewayOptions } from "../src/options.ts";
import { expectedError, sendProblem } from "../src/problems.ts";
import { addDeadLetterRoutes } from "../src/routes/dead-letters.ts";
import { Visits } from "../src/visits.ts";
import { type Answer, call, problemOf } from "./support/http.ts";

const SERVICE = "accounts";
const LANES = 3;
const topics = topicsOf(SERVICE, { lanes: LANES });
const LANE = murmur2Lane("carol", LANES);
const WHY: DeadLetterReason = {
  code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
  reason: "the handler failed 3 times",
  attempts: 3,
  origin: { topic: topics.requests.name, partition: LANE, offset: 7 },
  member: "0",
  atMs: Date.parse("2026-11-20T12:00:00Z"),
};

/** The routes alone, before a service whose letters are on a log in memory. */
async function start() {
  const cluster = new MemoryCluster();
  const log = createMemoryLog({ cluster });
  const logger = pino({ level: "silent" });
  const settings = resolveGatewayOptions({ services: `${SERVICE}=${LANES}`, planner: false }, {});
  const backend = await openBackend({ log, logger, settings });
  await backend.ready;
  const visits = new Visits(settings);
  const app = fastify({ forceCloseConnections: true });
  app.decorateRequest("visit", null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, _request, reply: FastifyReply) =>
    sendProblem(reply, expectedError(error) ?? error),
  );
  const deadLetters = new DeadLettersByService({ log, logger });
  addDeadLetterRoutes(app, { backend, visits, deadLetters });
  await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(async () => {
    await app.close();
    await backend.endRequests();
    await log.close();
  });
  const gateway = { port: (app.server.address() as AddressInfo).port } as Gateway;
  const path = `/v1/${SERVICE}/dead-letters`;

  return {
    backend,
    get: (asked = "") => call(gateway, `${path}${asked}`, { method: "GET" }),
    follow: (link: string) => call(gateway, link, { method: "GET" }),
    post: (what: "redrive" | "discard", body?: object | string) => {
      const text = typeof body === "object" ? JSON.stringify(body) : body;
      const headers = { "content-type": "application/json" };
      return call(gateway, `${path}/${what}`, text === undefined ? {} : { headers, body: text });
    },
    async bury(more: Partial<RequestEnvelope> = {}, why: Partial<DeadLetterReason> = {}): Promise<void> {
      const request = { id: "one", service: SERVICE, handler: "deposit", attempt: 1, headers: {} };
      const key = Buffer.from("carol");
      const record = encodeRequest({ ...request, key, body: Buffer.from("hi"), ...more });
      const partition = murmur2Lane(more.key ?? key, LANES);
      await log.append({
        topic: topics.dead.name,
        partition,
        ...encodeDeadLetter(record, { ...WHY, ...why }),
      });
    },
    sent: () =>
      [0, 1, 2].flatMap((lane) =>
        (cluster.partition(topics.requests.name, lane)?.read(0, 100) ?? []).map((record) => {
          const decoded = decodeRequest(record, SERVICE, "?");
          return decoded.kind === "request" ? decoded.request.id : decoded.kind;
        }),
      ),
  };
}

interface Page {
  readonly letters: readonly { readonly id: string; readonly [member: string]: unknown }[];
  readonly cursor?: string;
}

async function json<T = Page>(answer: Promise<Answer>): Promise<T> {
  const { status, headers, body } = await answer;
  expect([status, headers["content-type"], headers["cache-control"]]).toEqual([
    200,
    "application/json",
    "no-store",
  ]);
  return JSON.parse(body.toString()) as T;
}

const idsOf = ({ letters }: Page) => letters.map(({ id }) => id);

describe("GET /v1/{service}/dead-letters", () => {
  test("says of each letter why, where it came from and what was asked, and of the body its size (C9)", async () => {
    const { get, bury } = await start();
    await bury({ contentType: "text/plain", headers: { "x-tenant": "t" }, redriven: 1 });
    const letter = {
      lane: LANE,
      offset: 0,
      settled: false,
      truncated: false,
      id: "one",
      key: "carol",
      handler: "deposit",
      contentType: "text/plain",
      headers: { "x-tenant": "t" },
      code: WHY.code,
      reason: WHY.reason,
      attempts: 3,
      origin: WHY.origin,
      member: "0",
      at: "2026-11-20T12:00:00.000Z",
      bytes: 2,
    };
    expect(await json(get())).toEqual({ service: SERVICE, limit: 50, letters: [letter] });
    expect(await json(get("?body=1"))).toMatchObject({ letters: [{ ...letter, body: "aGk=" }] });
  });

  test("gives a key that is no text in base64, and a time that is no date not at all", async () => {
    const { get, bury } = await start();
    await bury({ key: Buffer.from([0xff]) }, { atMs: Number.MAX_SAFE_INTEGER });
    expect(await json(get())).toMatchObject({ letters: [{ key: null, keyBase64: "/w==", at: null }] });
  });

  test("selects by key, lane, handler, code and time", async () => {
    const { get, bury } = await start();
    await bury({ id: "a" });
    await bury({ id: "b", handler: "" }, { atMs: WHY.atMs + 1 });
    await bury({ id: "c", key: Buffer.from("bob") }, { code: "SHARDCAST_HANDLER_REFUSED" });
    const list = async (asked: string) => idsOf(await json(get(asked))).sort();
    expect(await list("?key=carol")).toEqual(["a", "b"]);
    expect(await list(`?key=carol&lane=${LANE}`)).toEqual(["a", "b"]);
    expect(await list(`?lane=${murmur2Lane("bob", LANES)}&handler=deposit&key=bob`)).toEqual(["c"]);
    expect(await list("?handler=")).toEqual(["b"]);
    expect(await list("?code=SHARDCAST_HANDLER_REFUSED")).toEqual(["c"]);
    expect(await list(`?from=${WHY.atMs + 1}`)).toEqual(["b"]);
    expect(await list("?from=2026-11-20T13:00:00%2B01:00&to=2026-11-20T12:00:00.001Z")).toEqual(["a", "c"]);
  });

  test("names the next page in a Link, which keeps what was asked", async () => {
    const { get, follow, bury } = await start();
    for (const id of ["a", "b", "c"]) await bury({ id });
    await bury({ id: "x", handler: "other" });
    const first = await get("?handler=deposit&limit=2&body=1");
    const [, next] = /^<([^>]+)>; rel="next"$/.exec(String(first.headers.link)) ?? [];
    const page = await json(follow(next as string));
    expect(page).toMatchObject({ limit: 2, letters: [{ id: "c", body: "aGk=" }] });
    expect(JSON.parse(first.body.toString()).cursor).toBe(
      new URLSearchParams((next as string).split("?")[1]).get("cursor"),
    );
    expect((await get("?handler=deposit")).headers.link).toBeUndefined();
  });

  test.each([
    ["lane", "lane=one"],
    ["lane", "lane=3"],
    ["lane", `key=carol&lane=${(LANE + 1) % LANES}`],
    ["limit", "limit=501"],
    ["limit", "limit=-1"],
    ["code", "code=SHARDCAST_NO_SUCH"],
    ["from", "from=yesterday"],
    ["to", "to=2026-11-20"],
    ["all", "all=perhaps"],
    ["cursor", "cursor=x"],
    ["handler", "handler=a&handler=b"],
    ["colour", "colour=red"],
    ["__proto__", "__proto__=1"],
  ])("refuses what is not valid, naming %s (%s)", async (name, asked) => {
    const { get } = await start();
    const problem = problemOf(await get(`?${asked}`));
    expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
    expect(problem.detail).toContain(`${name}:`);
  });

  test("is 404 for a service that is not served here", async () => {
    const { follow } = await start();
    const problem = problemOf(await follow("/v1/orders/dead-letters"));
    expect(problem).toMatchObject({ status: 404, code: "SHARDCAST_UNKNOWN_SERVICE" });
  });
});

describe("POST /v1/{service}/dead-letters", () => {
  test("redrive sends what is selected again; all=1 still shows it (C9)", async () => {
    const { get, post, bury, sent } = await start();
    for (const id of ["a", "b"]) await bury({ id });
    await bury({ id: "c", redriven: 3 });
    expect(await json(post("redrive", { key: "carol", dryRun: true }))).toMatchObject({
      matched: 3,
      redriven: 2,
    });
    expect(sent()).toEqual([]);
    expect(await json(post("redrive", { ids: ["b", "c"], ratePerSecond: 1_000 }))).toMatchObject({
      dryRun: false,
      matched: 2,
      redriven: 1,
      skipped: { "redriven-too-often": 1 },
      outcomes: [{ outcome: "redriven" }, { outcome: "skipped" }],
    });
    expect(sent()).toEqual(["b"]);
    expect(idsOf(await json(get()))).toEqual(["a", "c"]);
    expect((await json(get("?all=1"))).letters.map(({ id, settled }) => [id, settled])).toEqual([
      ["a", false],
      ["b", true],
      ["c", false],
    ]);
    expect(
      await json(post("redrive", { force: true, from: "2026-11-20T12:00:00Z", to: WHY.atMs + 1 })),
    ).toMatchObject({
      redriven: 2,
    });
  });

  test("discard marks and sends nothing; without a body it is everything", async () => {
    const { get, post, bury, sent } = await start();
    for (const id of ["a", "b"]) await bury({ id });
    expect(await json(post("discard"))).toMatchObject({ matched: 2, discarded: 2 });
    expect(sent()).toEqual([]);
    expect(idsOf(await json(get()))).toEqual([]);
  });

  test("a redrive ends when the gateway closes, and its caller gets the report", async () => {
    const { backend, post, bury, sent } = await start();
    for (const id of ["a", "b"]) await bury({ id });
    const answer = json<{ redriven: number }>(post("redrive", { ratePerSecond: 0.001 }));
    await expect.poll(sent).toEqual(["a"]);
    backend.beginClosing();
    expect(await answer).toMatchObject({ redriven: 1, cursor: expect.any(String) });
    expect(sent()).toEqual(["a"]);
  });

  test.each<["redrive" | "discard", string, object | string]>([
    ["redrive", "the body", "{"],
    ["redrive", "the body", "[]"],
    ["redrive", "lane", { lane: "1" }],
    ["redrive", "limit", { limit: 10_001 }],
    ["redrive", "from", { from: "soon" }],
    ["redrive", "ids.0", { ids: [1] }],
    ["redrive", "maxRedrives", { maxRedrives: 0 }],
    ["redrive", "ratePerSecond", { ratePerSecond: 0 }],
    ["redrive", "dryrun", { dryrun: true }],
    ["discard", "force", { force: true }],
    ["discard", "cursor", { cursor: "x" }],
  ])("%s refuses what is not valid, naming %s", async (what, name, body) => {
    const { post, bury, sent } = await start();
    await bury();
    const problem = problemOf(await post(what, body));
    expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
    expect(problem.detail).toContain(name);
    expect(sent()).toEqual([]);
  });
});
