import { CONTENT } from "./body.ts";
import { duration } from "./duration.ts";
import { IDEMPOTENCY } from "./idempotency.ts";
import type { Settings } from "./setting.ts";

/** The words that say what a keyed request is for. */
export const KEYED = {
  service: { describe: "the service" },
  key: { describe: "the shard key; one that begins with a dash behind --" },
  handler: { describe: "name of the handler; absent: the default one", optional: true },
} as const;

const WEEK_MS = 7 * 86_400_000;

/** Of everything that sends a keyed request. */
export const SENDING = {
  ...CONTENT,
  ...IDEMPOTENCY,
  delay: { schema: duration(52 * WEEK_MS).optional(), describe: "no handler starts sooner than this" },
} as const satisfies Settings;
