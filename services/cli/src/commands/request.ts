import { z } from "zod";
import { command } from "../command.ts";
import { bytesOf } from "../config/body.ts";
import { REQUESTING } from "../config/common.ts";
import { KEYED, SENDING } from "../config/request.ts";
import { defined } from "../defined.ts";
import { exitOfReply, writeReply } from "../requests/reply.ts";
import { sendOptionsOf, submit } from "../requests/submit.ts";

export const request = command({
  name: "request",
  describe: "Send a keyed request and print the reply's body",
  words: KEYED,
  settings: {
    ...SENDING,
    ...REQUESTING,
    async: {
      schema: z.boolean().default(false),
      describe: "do not wait: print the request's id, as send does",
      kind: "switch",
    },
  },
  examples: [
    ["request accounts 4711 balance", "the body as it is"],
    [
      "request accounts 4711 --data @order.json --timeout 5s --json",
      "with status, headers and the request's id",
    ],
  ],
  async run(call, words, options) {
    if (options.async) return submit(call, words, options);
    const { client, world } = call;
    const { service, key, handler } = words;
    const body = await bytesOf(options.data, world);
    const sent = { ...sendOptionsOf(options), ...defined({ handler }) };
    const reply = await client.request(service, key, body, sent);
    writeReply(world.stdout, reply, options.json);
    return exitOfReply(reply);
  },
});
