import { z } from "zod";
import type { Settings } from "./setting.ts";

const idempotencyKey = {
  schema: z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, "1 to 255 printable ASCII characters")
    .optional(),
  describe: "sent again with the same one, it is the same request (none)",
  env: ["SHARDCAST_IDEMPOTENCY_KEY"],
};

/** Sent again with the same one, it is the same (C5). */
export const IDEMPOTENCY = { idempotencyKey } as const satisfies Settings;

/** The same where the Job may say it: a pod that repeats a run of a Job sends nothing new. */
export const JOB_IDEMPOTENCY = {
  idempotencyKey: {
    ...idempotencyKey,
    describe: "sent again with the same one, it is the same broadcast (SHARDCAST_JOB_NAME, else none)",
    env: ["SHARDCAST_IDEMPOTENCY_KEY", "SHARDCAST_JOB_NAME"],
  },
} as const satisfies Settings;
