import { CloudEvent, type Headers, HTTP, type Message } from "cloudevents";
import { expect, it } from "vitest";
import { startBoth } from "../support/gateway.ts";
import { type Answer, call } from "../support/http.ts";

const DATA = { amount: 5, note: "für €" };
const event = new CloudEvent({
  source: "/bank/1",
  type: "deposit",
  subject: "account",
  time: "2026-01-01T00:00:00.000Z",
  partitionkey: "42",
  count: 5,
  data: DATA,
});

/** What the SDK would hand to any HTTP client. */
function toCall({ headers, body }: Message) {
  const named = Object.entries(headers as Headers).map(([name, value]) => [name, String(value)]);
  return { headers: Object.fromEntries(named), body: String(body) };
}

const start = () =>
  startBoth(({ body }) => ({ contentType: "application/json", body: Buffer.from(`{"took":${body}}`) }));

it.each([
  ["binary", HTTP.binary(event)],
  ["structured", HTTP.structured(event)],
])("CloudEvents' own SDK: its %s message is taken, and the answer parses as an event", async (_, message) => {
  const { gateway, worker } = await start();
  const { headers, body } = toCall(message);
  const accepting = { headers: { ...headers, accept: "application/cloudevents+json" }, body };
  const answer: Answer = await call(gateway, "/v1/accounts/requests", accepting);
  expect(answer.status).toBe(200);
  const [request] = worker.requests;
  expect(request).toMatchObject({
    handler: "deposit",
    headers: {
      "ce-specversion": "1.0",
      "ce-id": event.id,
      "ce-source": "/bank/1",
      "ce-type": "deposit",
      "ce-subject": "account",
      "ce-time": "2026-01-01T00:00:00.000Z",
      "ce-partitionkey": "42",
      "ce-count": "5",
    },
  });
  expect(request?.key.toString()).toBe("42");
  expect(request?.contentType).toMatch(/^application\/json/);
  expect(JSON.parse(request?.body.toString() ?? "")).toEqual(DATA);

  const parsed = HTTP.toEvent({
    headers: answer.headers as Headers,
    body: answer.body.toString(),
  }) as CloudEvent<unknown>;
  expect(parsed.validate()).toBe(true);
  expect(parsed).toMatchObject({
    id: request?.id,
    source: "/v1/accounts",
    type: "deposit.reply",
    data: { took: DATA },
  });
});

it("CloudEvents' own SDK: binary data comes as the bytes it is", async () => {
  const { gateway, worker } = await start();
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const image = new CloudEvent({ source: "/s", type: "image", datacontenttype: "image/png", data: bytes });
  await call(gateway, "/v1/accounts/keys/42", toCall(HTTP.structured(image)));
  expect(worker.requests[0]?.body).toEqual(Buffer.from(bytes));
  expect(worker.requests[0]?.contentType).toBe("image/png");
});
