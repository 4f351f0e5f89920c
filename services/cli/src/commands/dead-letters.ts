import { flag, wholeNumber } from "@shardcast/protocol";
import { z } from "zod";
import { command, SERVICE } from "../command.ts";
import { LETTERS } from "../config/letters.ts";
import { type Letter, listLetters, redriveLetters } from "../dead-letters-http.ts";
import { defined } from "../defined.ts";
import { styleOf } from "../render/style.ts";
import { table } from "../render/table.ts";
import { count } from "../render/text.ts";

const no = flag().default(false);

export const deadLettersList = command({
  name: "dead-letters list",
  describe: "List requests that were given up",
  words: { service: SERVICE },
  settings: {
    ...LETTERS,
    all: { schema: no, describe: "also those that were sent again or discarded", kind: "switch" },
    body: { schema: no, describe: "with --json: with their bodies, in base64", kind: "switch" },
  },
  examples: [
    ["dead-letters list accounts --code SHARDCAST_ATTEMPTS_EXHAUSTED --limit 100", "by lane and offset"],
  ],
  async run({ world }, { service }, { gateway, json, config: _config, ...query }) {
    const { stdout, stderr } = world;
    const { letters, cursor } = await listLetters(world, gateway, service, defined(query));
    if (json) for (const letter of letters) stdout.write(`${JSON.stringify(letter)}\n`);
    else stdout.write(`${table(HEAD, letters.map(rowOf), styleOf(stdout))}\n`);
    if (cursor !== undefined) stderr.write(`there are more: --cursor ${cursor}\n`);
    return "satisfied";
  },
});

export const deadLettersRedrive = command({
  name: "dead-letters redrive",
  describe: "Send requests that were given up again",
  words: { service: SERVICE },
  settings: {
    ...LETTERS,
    id: {
      schema: z.array(z.string()).optional(),
      describe: "of this request; may be given several times",
      kind: "list",
    },
    dryRun: { schema: no, describe: "say what would be done, and do nothing", kind: "switch" },
    ratePerSecond: {
      schema: z.coerce.number("a number").positive().optional(),
      describe: "how many a second (as fast as it goes)",
    },
    maxRedrives: { schema: wholeNumber(1).optional(), describe: "skip what was sent again so often (3)" },
    force: { schema: no, describe: "send that as well", kind: "switch" },
  },
  examples: [
    ["dead-letters redrive accounts --dry-run", "what would be sent"],
    ["dead-letters redrive accounts --key 4711 --rate-per-second 10", "of one key, in its order"],
  ],
  async run({ world }, { service }, { gateway, json, config: _config, id, ...selection }) {
    const { stdout, stderr } = world;
    const report = await redriveLetters(world, gateway, service, defined({ ...selection, ids: id }));
    const { dryRun, matched, redriven, settledBefore, skipped, cursor } = report;
    const why = Object.entries(skipped).map(([reason, amount]) => `, ${amount} skipped (${reason})`);
    const done = `${redriven} ${dryRun ? "would be sent" : "sent"} again`;
    const shown = `${count(matched, "letter")}: ${done}${why.join("")}; ${settledBefore} settled before`;
    stdout.write(`${json ? JSON.stringify(report) : shown}\n`);
    if (cursor !== undefined) stderr.write(`there are more: --cursor ${cursor}\n`);
    return "satisfied";
  },
});

const HEAD = ["LANE", "OFFSET", "KEY", "HANDLER", "CODE", "ATTEMPTS", "AT", "REQUEST", "REASON"];

function rowOf({ lane, offset, key, keyBase64, handler, code, attempts, at, id, reason, settled }: Letter) {
  const shownKey = key ?? (keyBase64 === undefined ? undefined : `base64:${keyBase64}`);
  const why = settled ? `(settled) ${reason}` : reason;
  return [
    lane,
    offset,
    shownKey,
    handler,
    code.replace("SHARDCAST_", ""),
    attempts,
    at ?? undefined,
    id,
    why,
  ];
}
