import { accept } from "../broadcasts/accept.ts";
import { waitFor } from "../broadcasts/wait.ts";
import { command, SERVICE } from "../command.ts";
import { bytesOf, CONTENT } from "../config/body.ts";
import { BROADCASTING } from "../config/common.ts";
import { HANDLER_FLAG } from "../config/handler.ts";
import { JOB_IDEMPOTENCY } from "../config/idempotency.ts";
import { defined } from "../defined.ts";

export const notify = command({
  name: "notify",
  describe: "Notify every member of a service and wait until they have acted",
  words: { service: SERVICE },
  settings: { ...HANDLER_FLAG, ...BROADCASTING, ...CONTENT, ...JOB_IDEMPOTENCY },
  examples: [
    [
      "notify accounts --handler interest-changed --data @rates.json --content-type application/json",
      "all of them",
    ],
    ["notify accounts --ack quorum --wait 10s", "done when more than half have acted"],
    ["notify accounts --json > outcomes.ndjson", "one object an event; the exit code says how it ended"],
  ],
  async run(call, { service }, { json, wait, data, handler, contentType, header, ack, ttl, idempotencyKey }) {
    const { client, world } = call;
    const body = await bytesOf(data, world);
    const options = defined({ handler, contentType, headers: header, ack, ttlMs: ttl, idempotencyKey });
    return waitFor(
      call,
      (until) =>
        accept(until, (signal) => client.broadcast(service, body, { ...options, timeoutMs: wait, signal })),
      { waitMs: wait, json },
    );
  },
});
