import { describe, expect, it } from "vitest";
import { startBoth } from "../support/gateway.ts";
import { call, problemOf } from "../support/http.ts";
import type { FakeAnswer } from "../support/worker.ts";

const EVENT = { specversion: "1.0", id: "e-1", source: "/bank/1", type: "deposit" };
const HEADERS = { "ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "/bank/1", "ce-type": "deposit" };
const PATH = "/v1/accounts/keys/42";
const STRUCTURED = "application/cloudevents+json";
const JSON_ANSWER: FakeAnswer = {
  contentType: "application/json",
  body: Buffer.from('{"balance":90071992547409931}'),
};

const start = (answer: FakeAnswer = JSON_ANSWER, options: Parameters<typeof startBoth>[1] = {}) =>
  startBoth(() => answer, options);

const sent = (event: unknown, headers: Record<string, string> = {}) => ({
  headers: { "content-type": `${STRUCTURED}; charset=utf-8`, ...headers },
  body: typeof event === "string" ? event : JSON.stringify(event),
});

describe("a CloudEvent in structured mode", () => {
  it.each([
    [{ data: { amount: 5, é: null } }, '{"amount":5,"é":null}', "application/json"],
    [{ data: "text" }, '"text"', "application/json"],
    [{ data: null }, "null", "application/json"],
    [{ data: 5, datacontenttype: "application/vnd.a+json" }, "5", "application/vnd.a+json"],
    [{ data: "<a/>", datacontenttype: "application/xml" }, "<a/>", "application/xml"],
    [{ data_base64: "AP8=", datacontenttype: "image/png" }, Buffer.from([0, 255]), "image/png"],
    [{ data_base64: "AP8=" }, Buffer.from([0, 255]), undefined],
    [{}, "", undefined],
  ])("is its data to the handler: %j", async (data, body, contentType) => {
    const { gateway, worker } = await start();
    const answer = await call(gateway, PATH, sent({ ...EVENT, ...data }));
    expect(answer.status).toBe(200);
    expect(worker.requests[0]).toMatchObject({
      handler: "deposit",
      headers: HEADERS,
      body: Buffer.from(body),
    });
    expect(worker.requests[0]?.contentType).toBe(contentType);
  });

  it("has its attributes as headers, whatever their type, and is the same request as in binary mode (C5)", async () => {
    const { gateway, worker } = await start();
    await call(gateway, PATH, sent({ ...EVENT, subject: "a €", count: 5, last: true, none: null, data: 1 }));
    await call(gateway, PATH, { headers: { ...HEADERS, "content-type": "application/json" }, body: "1" });
    const expected = { ...HEADERS, "ce-subject": "a €", "ce-count": "5", "ce-last": "true" };
    expect(worker.requests[0]?.headers).toEqual(expected);
    expect(new Set(worker.requests.map(({ id }) => id)).size).toBe(1);
  });

  it("has its key in its data, where the key source is a JSON pointer", async () => {
    const { gateway, worker } = await start(JSON_ANSWER, { keySources: "accounts=json:/account" });
    await call(gateway, "/v1/accounts/requests", sent({ ...EVENT, data: { account: "42" } }));
    expect(worker.requests[0]?.key.toString()).toBe("42");
  });

  it.each([
    ["body", "{not json"],
    ["body", "[]"],
    ["body", "null"],
    ["body", ""],
    ["id", { ...EVENT, id: "" }],
    ["source", { ...EVENT, source: null }],
    ["type", { ...EVENT, type: undefined }],
    ["type", { ...EVENT, type: ["deposit"] }],
    ["specversion", { ...EVENT, specversion: "2.0" }],
    ["count", { ...EVENT, count: 1.5 }],
    ["My_Name", { ...EVENT, My_Name: "a" }],
    ["subject", { ...EVENT, subject: "a\nb" }],
    ["datacontenttype", { ...EVENT, datacontenttype: 5, data: 1 }],
    ["data_base64", { ...EVENT, data_base64: "not base64" }],
    ["data_base64", { ...EVENT, data_base64: "AP8=", data: 1 }],
  ])("is refused, naming %s: %j", async (named, event) => {
    const { gateway, worker } = await start();
    const problem = problemOf(await call(gateway, PATH, sent(event)));
    expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
    expect(problem.detail).toContain(named);
    expect(worker.requests).toEqual([]);
  });
});

describe("the answer to a CloudEvent", () => {
  const accept = { accept: `text/html, ${STRUCTURED};q=0.5` };

  it("is an event where one is accepted, with the data as the handler wrote it", async () => {
    const { gateway, worker } = await start();
    const answer = await call(gateway, PATH, sent(EVENT, accept));
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe(STRUCTURED);
    expect(answer.body.toString()).toContain('"data":{"balance":90071992547409931}');
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      specversion: "1.0",
      id: worker.requests[0]?.id,
      source: "/v1/accounts",
      type: "deposit.reply",
      datacontenttype: "application/json",
    });
  });

  it("is an event also when it was waited for in vain at first, and is there in time", async () => {
    const { gateway } = await start();
    const answer = await call(gateway, PATH, sent(EVENT, { ...accept, prefer: "wait=30" }));
    expect(answer.headers["content-type"]).toBe(STRUCTURED);
  });

  it.each([
    ["no event is accepted", { accept: "application/json" }, JSON_ANSWER],
    ["anything is accepted", { accept: "*/*" }, JSON_ANSWER],
    ["events are refused", { accept: `${STRUCTURED};q=0.0` }, JSON_ANSWER],
    ["the answer is no JSON", accept, { contentType: "text/plain", body: Buffer.from("1") }],
    [
      "the answer only says that it is JSON",
      accept,
      { contentType: "application/json", body: Buffer.from("{") },
    ],
    ["the answer has no type", accept, { body: Buffer.from("1") }],
    ["the answer is an event already", accept, { ...JSON_ANSWER, headers: { "ce-specversion": "1.0" } }],
    ["the answer is one in JSON", accept, { contentType: STRUCTURED, body: Buffer.from("{}") }],
  ])("is as the handler wrote it when %s", async (_, headers, answered) => {
    const { gateway } = await start(answered);
    const answer = await call(gateway, PATH, sent(EVENT, headers));
    expect(answer.body).toEqual(answered.body);
    const { contentType } = answered as FakeAnswer;
    if (contentType !== undefined) expect(answer.headers["content-type"]).toBe(contentType);
  });

  it("is as the handler wrote it when no event was sent", async () => {
    const { gateway } = await start();
    const answer = await call(gateway, PATH, { headers: accept, body: "1" });
    expect(answer.body).toEqual(JSON_ANSWER.body);
  });
});
