import type { RequestStatus } from "@shardcast/http-client";
import { command, SERVICE } from "../command.ts";
import { duration } from "../config/duration.ts";
import { defined } from "../defined.ts";
import { exitOfError } from "../exit-codes.ts";
import { plain } from "../render/text.ts";
import { exitOfReply, replyToJson, writeReply } from "../requests/reply.ts";

export const result = command({
  name: "result",
  describe: "Print what came of a request that was sent before",
  words: { service: SERVICE, id: { describe: "of the request" } },
  settings: {
    wait: { schema: duration().optional(), describe: "how long to wait for its end (not at all)" },
  },
  examples: [
    ["result accounts 0199c2a4e1b07d3f8a6512f09bd40002 --wait 30s", "its reply's body, once it is there"],
  ],
  async run({ client, world }, { service, id }, { json, wait }) {
    const { stdout, stderr } = world;
    const status = await client.result(service, id, defined({ waitMs: wait }));
    if (status.state !== "ended") {
      if (json) stdout.write(`${JSON.stringify(status)}\n`);
      else stderr.write(`not ended: ${wordsOf(status)}\n`);
      return "timeout";
    }
    const { end, error, state, ...reply } = status;
    if (json) {
      const why = error === undefined ? {} : { code: error.code, detail: error.message };
      stdout.write(`${JSON.stringify({ state, end, ...why, ...replyToJson(reply) })}\n`);
    } else if (error === undefined) writeReply(stdout, reply, false);
    else stderr.write(`${end}: ${error.code}: ${plain(error.message)}\n`);
    return error === undefined ? exitOfReply(reply) : exitOfError(error);
  },
});

function wordsOf(status: Exclude<RequestStatus, { readonly state: "ended" }>): string {
  const attempt = "attempt" in status ? `, attempt ${status.attempt}` : "";
  const reason = "reason" in status ? `: ${plain(status.reason)}` : "";
  return `${status.state}${attempt}${reason}`;
}
