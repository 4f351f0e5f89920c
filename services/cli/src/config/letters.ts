import { isErrorCode, wholeNumber } from "@shardcast/protocol";
import { z } from "zod";
import type { Settings } from "./setting.ts";

const time = z.iso
  .datetime({ offset: true, error: "a time as ISO 8601 with a zone, such as 2026-11-21T12:00:00Z" })
  .optional();

/** Which dead letters: those that everything given fits. */
export const LETTERS = {
  key: { schema: z.string().optional(), describe: "of this shard key" },
  lane: { schema: wholeNumber(0).optional(), describe: "of this lane" },
  handler: { schema: z.string().optional(), describe: "of this handler; empty for the default one" },
  code: {
    schema: z
      .string()
      .refine(isErrorCode, "a code of an error, such as SHARDCAST_ATTEMPTS_EXHAUSTED")
      .optional(),
    describe: "given up with this error code",
  },
  from: { schema: time, describe: "given up then or later, such as 2026-11-21T12:00:00Z" },
  to: { schema: time, describe: "given up before then" },
  limit: { schema: wholeNumber(1).optional(), describe: "how many at most (the gateway's)" },
  cursor: { schema: z.string().optional(), describe: "goes on where an earlier answer ended" },
} as const satisfies Settings;
