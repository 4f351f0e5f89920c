import type { JsonObject } from "../documents/json.ts";

/** Headers of answers, as components. */
export const HEADERS = {
  "Shardcast-Request-Id": {
    description: "The request's id, once it has one.",
    schema: { type: "string" },
  },
  "Shardcast-Request-State": {
    description: "How the request ended, or what it is doing.",
    schema: {
      type: "string",
      enum: ["pending", "running", "retrying", "replied", "failed", "dead-lettered", "expired", "cancelled"],
    },
  },
  "Shardcast-Broadcast-Id": {
    description: "The broadcast's id.",
    schema: { type: "string" },
  },
  "Idempotency-Replayed": {
    description: "`true` when it had been accepted before, with the same idempotency key (C5).",
    schema: { type: "string", enum: ["true"] },
  },
  "Shardcast-Kept-For": {
    description: "Seconds for which the outcome of a recorded request can be asked for.",
    schema: { type: "integer" },
  },
  "Preference-Applied": {
    description: "Which preference was followed (RFC 7240).",
    schema: { type: "string" },
  },
  "Retry-After": {
    description: "Seconds after which trying again makes sense.",
    schema: { type: "integer" },
  },
  Location: {
    description: "Where the outcome can be asked for.",
    schema: { type: "string", format: "uri-reference" },
  },
} as const satisfies Record<string, JsonObject>;

export function headerRefs(names: readonly (keyof typeof HEADERS)[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Headers of requests to a handler, as components, by the name of the component. */
export const REQUEST_HEADERS = {
  IdempotencyKey: header(
    "Idempotency-Key",
    "The same key and request never run a completed handler again, and get the recorded answer (C5). " +
      "A string of RFC 9651, in quotes; 1 to 255 characters.",
    { type: "string", examples: ['"8e03978e-40d5-43e8-bc93-6894a57f9324"'] },
  ),
  Prefer: header(
    "Prefer",
    "`respond-async`: answers 202 at once. `wait=SECONDS`: answers 202 when there is no outcome by then. RFC 7240.",
    { type: "string", examples: ["respond-async", "wait=5"] },
  ),
  RequestTimeout: header(
    "Request-Timeout",
    "Seconds after which no handler starts any more (C8), and nobody waits.",
    { type: "number", exclusiveMinimum: 0 },
  ),
  Delay: header("Delay", "Seconds before which no handler starts.", { type: "number", minimum: 0 }),
  DelayUntil: header("Delay-Until", "HTTP date or ISO 8601 time before which no handler starts.", {
    type: "string",
  }),
  OnDisconnect: header("Shardcast-On-Disconnect", "`cancel`: closing the connection cancels the request.", {
    type: "string",
    enum: ["cancel"],
  }),
  Traceparent: header("traceparent", "W3C Trace Context; travels to the handler.", { type: "string" }),
} as const satisfies Record<string, JsonObject>;

function header(name: string, description: string, schema: JsonObject): JsonObject {
  return { name, in: "header", description, schema };
}
