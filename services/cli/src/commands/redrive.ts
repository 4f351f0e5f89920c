import { accept } from "../broadcasts/accept.ts";
import { waitFor } from "../broadcasts/wait.ts";
import { command, SERVICE } from "../command.ts";
import { BROADCASTING } from "../config/common.ts";
import { defined } from "../defined.ts";

export const redrive = command({
  name: "redrive",
  describe: "Send a broadcast again to the members that did not do it, and wait as notify does",
  words: { service: SERVICE, id: { describe: "of the broadcast" } },
  settings: BROADCASTING,
  examples: [
    ["redrive accounts 0199c2a4e1b07d3f8a6512f09bd40002", "for those that failed, or were too late"],
  ],
  async run(call, { service, id }, { json, wait, ack, ttl }) {
    const { broadcasts } = call.client;
    const options = { ...defined({ ack, ttlMs: ttl }), timeoutMs: wait };
    return waitFor(
      call,
      (until) => accept(until, (signal) => broadcasts.redrive(service, id, { ...options, signal })),
      { waitMs: wait, json },
    );
  },
});
