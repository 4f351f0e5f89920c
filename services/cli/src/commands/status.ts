import { toBroadcastJson, wholeNumber } from "@shardcast/protocol";
import { z } from "zod";
import { listBroadcasts } from "../broadcasts/list.ts";
import { listTable } from "../broadcasts/list-table.ts";
import { waitFor } from "../broadcasts/wait.ts";
import { command, SERVICE } from "../command.ts";
import { duration } from "../config/duration.ts";
import { HANDLER_FLAG } from "../config/handler.ts";
import { defined } from "../defined.ts";
import { UsageError } from "../errors.ts";
import { frame } from "../render/frame.ts";
import { styleOf } from "../render/style.ts";

const MAX_LISTED = 10_000;
const WITHOUT_TERMINAL = 200;

export const status = command({
  name: "status",
  describe: "Show who has done a broadcast, or list the recent ones",
  words: { service: SERVICE, id: { describe: "of the broadcast; absent: the newest ones", optional: true } },
  settings: {
    ...HANDLER_FLAG,
    state: {
      schema: z.enum(["open", "ended"], "open or ended").optional(),
      describe: "of a list: only those without a verdict (open), or with one (ended)",
    },
    limit: { schema: wholeNumber(1, MAX_LISTED).default(50), describe: "of a list: how many at most (50)" },
    watch: {
      schema: z.boolean().default(false),
      describe: "follow one until the last word about each member",
      kind: "switch",
    },
    wait: { schema: duration().optional(), describe: "how long to watch (as long as it takes)" },
  },
  examples: [
    ["status accounts", "the newest broadcasts"],
    ["status accounts 0199c2a4e1b07d3f8a6512f09bd40002 --watch", "the exit code says how it ended"],
  ],
  async run(call, { service, id }, { json, watch, wait, state, handler, limit }) {
    const { client, world } = call;
    const { stdout, stderr } = world;
    if (id === undefined) {
      if (watch) throw new UsageError(["--watch: needs the id of a broadcast"]);
      const { items, more } = await listBroadcasts(client, service, defined({ state, handler }), limit);
      if (json) for (const item of items) stdout.write(`${JSON.stringify(toBroadcastJson(item))}\n`);
      else stdout.write(`${listTable(items, Date.now(), styleOf(stdout))}\n`);
      if (more) stderr.write(`there are more; --limit takes up to ${MAX_LISTED}\n`);
      return "satisfied";
    }
    if (watch) {
      const find = async (signal: AbortSignal) => ({
        status: await client.broadcasts.status(service, id, { signal }),
        replayed: false,
      });
      return waitFor(call, find, defined({ waitMs: wait, json, toTheEnd: true }));
    }
    const known = await client.broadcasts.status(service, id);
    // Not watched, so it may be as high as it is.
    const size = { columns: stdout.columns ?? WITHOUT_TERMINAL, rows: Number.POSITIVE_INFINITY };
    const shown = frame(known, { ...size, nowMs: Date.now(), style: styleOf(stdout) });
    stdout.write(`${json ? JSON.stringify(toBroadcastJson(known)) : shown}\n`);
    return "satisfied";
  },
});
